using System;
using System.Runtime.InteropServices;

namespace Sinter.Runtime.Execution;

/// <summary>What a team's workers know of each other's <see cref="Portions"/>.</summary>
/// <param name="count">Workers.</param>
internal sealed unsafe class PortionPlaces(int count)
{
    /// <summary>Numbers from one worker's place to the next's: a cache line.</summary>
    public const int Stride = 8;

    /// <summary>Calls whose places are kept apart. A worker is never further ahead of another than from one barrier to the next.</summary>
    private const int Calls = 64;

    // For each call a place a worker; then for each worker the number of its next call, and how many since the last barrier.
    private readonly long* _places = Allocate(count);

    ~PortionPlaces() => NativeMemory.AlignedFree(_places);

    /// <summary>A worker has come to a barrier.</summary>
    public void Meet(int index) => Own(index)[1] = 0;

    /// <summary>As <see cref="Worker.Portions"/>.</summary>
    public Portions Deal(int index, int items, int least)
    {
        long* own = Own(index);
        if (own[1] == Calls) return new(null, 0, index, count, items, least);
        own[1]++;
        int call = (int)own[0]++;
        return new(_places + (call & (Calls - 1)) * count * Stride, call, index, count, items, least);
    }

    /// <summary>Makes calls begin anew together, where workers have stopped at different ones.</summary>
    public void Begin()
    {
        long next = 1;
        for (int i = 0; i < count; i++) next = Math.Max(next, Own(i)[0] + Calls);
        for (int i = 0; i < count; i++) (Own(i)[0], Own(i)[1]) = (next, 0);
    }

    private long* Own(int index) => _places + (Calls * count + index) * Stride;

    private static long* Allocate(int count)
    {
        nuint bytes = (nuint)((Calls + 1) * count * Stride * sizeof(long));
        var places = (long*)NativeMemory.AlignedAlloc(bytes, 64);
        NativeMemory.Clear(places, bytes);
        // The number of the first call must not be that of places never used.
        for (int i = 0; i < count; i++) places[(Calls * count + i) * Stride] = 1;
        return places;
    }
}
