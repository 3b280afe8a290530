using System;

namespace Sinter.Devices.Cuda;

/// <summary>
/// Large copies to a GPU through two pinned buffers: while the GPU fetches one, the next piece of a mapped file is read into the
/// other. The driver copies pageable memory more slowly, and not beside anything else.
/// </summary>
internal sealed unsafe class CudaStaging(CudaContext context) : IDisposable
{
    private const long PieceBytes = 16L << 20;
    private readonly DriverTable _driver = context.Driver;
    private readonly nint[] _pieces = new nint[2];
    private readonly nint[] _done = new nint[2];
    private int _next;

    /// <summary>When this returns, all bytes were read, and their copies are queued.</summary>
    public void Send(byte* from, ulong to, long bytes)
    {
        if (_pieces[0] == 0) Allocate();
        for (long at = 0; at < bytes; at += PieceBytes)
        {
            long count = Math.Min(PieceBytes, bytes - at);
            // An event that was never recorded counts as reached.
            _driver.Check(_driver.EventSynchronize(_done[_next]), "the GPU stopped with an error");
            Buffer.MemoryCopy(from + at, (void*)_pieces[_next], PieceBytes, count);
            _driver.Check(_driver.CopyToDevice(to + (ulong)at, (void*)_pieces[_next], (nuint)count, context.Stream), "weights cannot be copied to the GPU");
            _driver.Check(_driver.EventRecord(_done[_next], context.Stream), "an event cannot be recorded");
            _next = 1 - _next;
        }
    }

    public void Dispose()
    {
        for (int i = 0; i < _pieces.Length; i++)
        {
            if (_pieces[i] != 0) _ = _driver.HostFree((void*)_pieces[i]);
            if (_done[i] != 0) _ = _driver.EventDestroy(_done[i]);
        }
    }

    private void Allocate()
    {
        for (int i = 0; i < _pieces.Length; i++)
        {
            void* piece;
            nint done;
            _driver.Check(_driver.HostAllocate(&piece, (nuint)PieceBytes), "pinned memory cannot be had");
            // Without times, which would make it slower.
            _driver.Check(_driver.EventCreate(&done, 2), "an event cannot be made");
            (_pieces[i], _done[i]) = ((nint)piece, done);
        }
    }
}
