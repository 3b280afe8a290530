using System;
using Sinter.Runtime.Execution;
using Xunit;

namespace Sinter.Runtime.Tests.Execution;

public sealed unsafe class ArenaTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1000)]
    [InlineData(5_000_000)]
    public void Is_zeroed_and_aligned(long bytes)
    {
        using var arena = new Arena(bytes);
        Assert.Equal(0, (nint)arena.Data % (bytes > 4_000_000 ? 2 << 20 : 64));
        Assert.True(arena.Bytes >= bytes);
        Assert.Equal(-1, new ReadOnlySpan<byte>(arena.Data, (int)arena.Bytes).IndexOfAnyExcept((byte)0));
    }

    [Fact]
    public void Says_what_does_not_fit()
    {
        SinterException error = Assert.Throws<SinterException>(() => Arena.Reserve(1L << 60, "a copy of the weights", "map them instead"));
        Assert.StartsWith("There is not enough memory: a copy of the weights takes 1073741824 GiB, but this machine has ", error.Message);
        Assert.EndsWith("; map them instead.", error.Message);
    }
}
