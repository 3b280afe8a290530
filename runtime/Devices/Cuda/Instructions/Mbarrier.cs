using System.Threading;
using ILGPU.IR.Intrinsics;

namespace Sinter.Devices.Cuda.Instructions;

/// <summary>
/// Barriers in shared memory that count arrivals and the bytes that copies bring (mbarrier, SM 90). A phase ends when as many
/// have arrived as were announced and no bytes are outstanding; the next begins at once. As C# the eight bytes hold the
/// phase's parity (bit 0), pending arrivals (1 to 20), arrivals of a phase (21 to 40) and outstanding bytes (41 to 63).
/// </summary>
public static unsafe class Mbarrier
{
    private const int CountBits = 20;
    private const long CountMask = (1L << CountBits) - 1;

    /// <summary>mbarrier.init, by one thread.</summary>
    /// <param name="barrier">A shared address, a multiple of 8.</param>
    /// <param name="arrivals">That end a phase.</param>
    [IntrinsicImplementation]
    public static void Initialise(long barrier, int arrivals) => Volatile.Write(ref *(long*)barrier, ((long)arrivals << 1) | ((long)arrivals << (1 + CountBits)));

    /// <summary>fence.mbarrier_init and fence.proxy.async: copies see the barriers that this thread initialised.</summary>
    [IntrinsicImplementation]
    public static void Publish() => Thread.MemoryBarrier();

    /// <summary>mbarrier.arrive: this thread's arrival, after all that it has read and written.</summary>
    [IntrinsicImplementation]
    public static void Arrive(long barrier) => Change(barrier, 1, 0);

    /// <summary>mbarrier.arrive.expect_tx: the same, and copies will bring so many bytes in this phase.</summary>
    [IntrinsicImplementation]
    public static void ArriveExpecting(long barrier, int bytes) => Change(barrier, 1, bytes);

    /// <summary>mbarrier.try_wait until the phase of this parity is over; before the first phase that of parity 1 is.</summary>
    [IntrinsicImplementation]
    public static void Wait(long barrier, int parity)
    {
        var spin = default(SpinWait);
        while ((Volatile.Read(ref *(long*)barrier) & 1) == parity)
        {
            spin.SpinOnce();
        }
    }

    /// <summary>What a copy does when its bytes are there.</summary>
    internal static void Bring(long barrier, int bytes) => Change(barrier, 0, -bytes);

    private static void Change(long barrier, int arrivals, int bytes)
    {
        ref var state = ref *(long*)barrier;
        while (true)
        {
            var before = Volatile.Read(ref state);
            var (parity, pending, all, outstanding) = (before & 1, ((before >> 1) & CountMask) - arrivals, (before >> (1 + CountBits)) & CountMask, (before >> (1 + (2 * CountBits))) + bytes);
            if (pending == 0 && outstanding == 0)
            {
                (parity, pending) = (parity ^ 1, all);
            }

            var after = parity | (pending << 1) | (all << (1 + CountBits)) | (outstanding << (1 + (2 * CountBits)));
            if (Interlocked.CompareExchange(ref state, after, before) == before)
            {
                return;
            }
        }
    }
}
