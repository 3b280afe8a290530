using System;
using ILGPU;
using ILGPU.Runtime;

namespace Sinter.Devices.Cuda;

/// <summary>Memory of a GPU that our own launcher has allocated, behind the views that the generated program hands around.</summary>
/// <remarks>ILGPU has no part in what happens to it: views of it are an address and a length.</remarks>
internal sealed class CudaMemory : MemoryBuffer
{
    public CudaMemory(nint address, long length, int elementSize)
        : base(null!, length, elementSize) => NativePtr = address;

    /// <summary>Where on the device a view begins; 0 for none.</summary>
    public static nint AddressOf<T>(ArrayView<T> view)
        where T : unmanaged => Begin(view);

    protected override void MemSet(AcceleratorStream stream, byte value, in ArrayView<byte> targetView) => throw new NotSupportedException();

    protected override void CopyFrom(AcceleratorStream stream, in ArrayView<byte> sourceView, in ArrayView<byte> targetView) => throw new NotSupportedException();

    protected override void CopyTo(AcceleratorStream stream, in ArrayView<byte> sourceView, in ArrayView<byte> targetView) => throw new NotSupportedException();

    protected override void DisposeAcceleratorObject(bool disposing)
    {
    }

    /// <summary>Through a type parameter, so that nothing is boxed.</summary>
    private static nint Begin<TView>(TView view)
        where TView : struct, IContiguousArrayView => view.Buffer is { } buffer ? buffer.NativePtr + (nint)view.IndexInBytes : 0;
}
