using System;
using System.IO;
using System.Linq;
using Sinter.Runtime.Checkpoints;
using Xunit;

namespace Sinter.Runtime.Tests.Checkpoints;

public sealed class SafetensorsWriterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_written_is_read_again()
    {
        float[] numbers = [.. Enumerable.Range(0, 10_000).Select(i => i / 7f)];
        new SafetensorsWriter()
            .Add("codes", ElementType.U8, [3], new byte[] { 1, 2, 255 })
            .AddBf16("rounded", [100, 100], numbers)
            .Add("exact", [10_000], numbers)
            .Add("ids", [2, 2], new[] { 1, -2, int.MaxValue, int.MinValue })
            .Add("nothing", [0, 5], Array.Empty<float>())
            .Describe("made by", "a \"test\"")
            .Save(_folder["x.safetensors"]);

        using SafetensorsFile file = SafetensorsFile.Open(_folder["x.safetensors"]);
        Assert.Equal(numbers, file["exact"].ToSingles());
        Assert.Equal([1, -2, int.MaxValue, int.MinValue], file["ids"].ToInt32s());
        Assert.Equal([1, 2, 255], file["codes"].ToInt32s());
        Assert.Equal([0, 5], file["nothing"].Shape);
        Assert.Equal("a \"test\"", file.Metadata["made by"]);
        Assert.Equal(ElementType.BF16, file["rounded"].Type);
        // Half a unit in the last of BF16's 8 bits.
        foreach ((float exact, float rounded) in numbers.Zip(file["rounded"].ToSingles())) Assert.InRange(rounded, exact * (1 - 1f / 256), exact * (1 + 1f / 256));
    }

    [Fact]
    public unsafe void Every_tensor_is_aligned_to_its_element()
    {
        new SafetensorsWriter().Add("b", ElementType.U8, [3], new byte[3]).Add("f", [2], new float[2]).AddBf16("h", [1], new float[1]).Save(_folder["x.safetensors"]);
        using SafetensorsFile file = SafetensorsFile.Open(_folder["x.safetensors"]);
        foreach (StoredTensor tensor in file.Tensors.Values) Assert.Equal(0, (nint)tensor.Data % tensor.Type.Size());
    }

    [Fact]
    public void Replaces_a_file_only_by_a_whole_one()
    {
        string path = _folder["x.safetensors"];
        new SafetensorsWriter().Add("a", [1], new float[] { 1 }).Save(path);
        var failing = new SafetensorsWriter().Add("a", ElementType.U8, [1], new FailingMemory().Memory);
        Assert.Throws<InvalidOperationException>(() => failing.Save(path));
        Assert.Equal([path], Directory.GetFiles(_folder.Path));
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.Equal([1], file["a"].ToSingles());
    }

    [Fact]
    public void Says_where_it_could_not_write()
    {
        string path = _folder["no/such/folder.safetensors"];
        SinterException error = Assert.Throws<SinterException>(() => new SafetensorsWriter().Add("a", [0], Array.Empty<float>()).Save(path));
        Assert.StartsWith($"{path}: the file cannot be written: ", error.Message);
    }

    [Fact]
    public void Refuses_a_shape_that_does_not_fit_and_a_name_twice()
    {
        var writer = new SafetensorsWriter().Add("a", [2], new float[2]);
        Assert.Throws<ArgumentException>(() => writer.Add("b", [3], new float[2]));
        Assert.Throws<ArgumentException>(() => writer.Add("a", [2], new float[2]));
    }

    /// <summary>Memory that is one byte long until someone reads it.</summary>
    private sealed class FailingMemory : System.Buffers.MemoryManager<byte>
    {
        public override Memory<byte> Memory => CreateMemory(1);

        public override Span<byte> GetSpan() => throw new InvalidOperationException("The disk is gone.");

        public override System.Buffers.MemoryHandle Pin(int elementIndex = 0) => throw new NotSupportedException();

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
}
