using ILGPU;
using ILGPU.IR.Intrinsics;

namespace Sinter.Devices.Cuda.Instructions;

/// <summary>16 bytes by one instruction. Addresses are multiples of 16.</summary>
public static unsafe class WideAccess
{
    /// <summary>The address of a number in global memory.</summary>
    public static long Place(ArrayView<float> numbers, long index) => AsyncCopy.Global(ref numbers.Cast<byte>()[0]) + (index * 4);

    /// <summary>ld.global.v4.f32: four numbers that are neighbours.</summary>
    /// <param name="from">A global address, from <see cref="AsyncCopy.Global"/>.</param>
    [IntrinsicImplementation]
    public static Sums Load(long from) => *(Sums*)from;

    /// <summary>ld.shared.v4.b32: four words that are neighbours.</summary>
    /// <param name="from">A shared address, from <see cref="AsyncCopy.Shared"/>.</param>
    [IntrinsicImplementation]
    public static Words LoadShared(long from) => *(Words*)from;

    /// <summary>st.shared.v4.b32: four words.</summary>
    /// <param name="to">A shared address, from <see cref="AsyncCopy.Shared"/>.</param>
    [IntrinsicImplementation]
    public static void Store(long to, uint x, uint y, uint z, uint w)
    {
        var words = (uint*)to;
        (words[0], words[1], words[2], words[3]) = (x, y, z, w);
    }
}
