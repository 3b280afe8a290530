using System;
using System.Runtime.CompilerServices;
using ILGPU.IR.Intrinsics;

namespace Sinter.Devices.Cuda.Instructions;

/// <summary>
/// Copies from global to shared memory that go on while the thread computes. As C# they are done at once, which is one of the
/// orders that the instructions allow.
/// </summary>
public static unsafe class AsyncCopy
{
    /// <summary>The address of shared memory that <see cref="Copy"/> and <see cref="TensorCore.LoadMatrices"/> take.</summary>
    [IntrinsicImplementation]
    public static long Shared(ref byte place) => (long)Unsafe.AsPointer(ref place);

    /// <summary>The address of global memory that <see cref="Copy"/> takes.</summary>
    [IntrinsicImplementation]
    public static long Global(ref byte place) => (long)Unsafe.AsPointer(ref place);

    /// <summary>cp.async.cg of 16 bytes: the first <paramref name="bytes"/> come from <paramref name="from"/>, the rest are zero.</summary>
    /// <param name="to">A shared address, a multiple of 16.</param>
    /// <param name="from">A global address, a multiple of 16; with 0 bytes it is not read.</param>
    /// <param name="bytes">0 to 16.</param>
    [IntrinsicImplementation]
    public static void Copy(long to, long from, int bytes)
    {
        new ReadOnlySpan<byte>((void*)from, bytes).CopyTo(new Span<byte>((void*)to, 16));
        new Span<byte>((void*)(to + bytes), 16 - bytes).Clear();
    }

    /// <summary>cp.async.commit_group: the copies since the last commit become a group.</summary>
    [IntrinsicImplementation]
    public static void Commit()
    {
    }

    /// <summary>cp.async.wait_group: waits until all but the newest groups of this thread are there.</summary>
    /// <param name="groups">A constant.</param>
    [IntrinsicImplementation]
    public static void WaitAllBut(int groups)
    {
    }
}
