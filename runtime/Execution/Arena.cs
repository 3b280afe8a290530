using System;
using System.Runtime.InteropServices;
using Sinter.Runtime.Checkpoints;

namespace Sinter.Runtime.Execution;

/// <summary>
/// Zeroed memory outside the managed heap, aligned to 64 bytes; large blocks are aligned to 2 MiB and ask Linux for huge
/// pages, which nearly doubles the speed at which two threads stream weights. Pages that are never touched cost nothing.
/// </summary>
public sealed unsafe class Arena : IDisposable
{
    private const int Alignment = 64;
    private void* _block;

    public Arena(long bytes)
    {
        Bytes = Align(Math.Max(bytes, 1));
        long alignment = Bytes >= Pages.Huge ? Pages.Huge : Alignment;
        _block = NativeMemory.AllocZeroed(checked((nuint)(Bytes + alignment)));
        Data = (byte*)(((nint)_block + alignment - 1) & ~(nint)(alignment - 1));
        if (alignment == Pages.Huge) Pages.AskForHuge(Data, Bytes & -Pages.Huge);
    }

    ~Arena() => Free();

    /// <summary>The first byte, aligned.</summary>
    public byte* Data { get; private set; }

    public long Bytes { get; }

    /// <summary>What this process may use at most: the machine's memory, or its container's limit.</summary>
    public static long MachineBytes => GC.GetGCMemoryInfo() is { TotalAvailableMemoryBytes: > 0 and long bytes } ? bytes : long.MaxValue;

    public static long Align(long bytes) => (bytes + Alignment - 1) & -Alignment;

    /// <summary>An arena, or a sentence about what does not fit and what to do.</summary>
    /// <param name="bytes">How much.</param>
    /// <param name="purpose">What for: "a copy of the weights".</param>
    /// <param name="remedy">What the user can do: "map them instead".</param>
    /// <exception cref="SinterException">The machine has less.</exception>
    public static Arena Reserve(long bytes, string purpose, string remedy)
    {
        long limit = MachineBytes;
        if (bytes > limit) throw new SinterException($"There is not enough memory: {purpose} takes {Wording.Bytes(bytes)}, but this machine has {Wording.Bytes(limit)}; {remedy}.");
        try
        {
            return new Arena(bytes);
        }
        catch (OutOfMemoryException e)
        {
            throw new SinterException($"There is not enough memory: {purpose} takes {Wording.Bytes(bytes)}, which the system refused; {remedy}.", e);
        }
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        NativeMemory.Free(_block);
        _block = null;
        Data = null;
    }
}
