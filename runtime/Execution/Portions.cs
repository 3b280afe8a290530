using System;
using System.Runtime.CompilerServices;
using System.Threading;

namespace Sinter.Runtime.Execution;

/// <summary>
/// A kernel's items, dealt out while it runs: each worker goes through its own contiguous share in ever smaller portions, and then
/// takes from what others have left. Workers are never equally fast (memory serves one more than the other, another program
/// takes a processor for a moment), and with fixed shares all would wait for the slowest.
/// </summary>
/// <remarks>
/// Every worker must ask for the same portions in the same order between two barriers. Which worker gets an item is left open: what
/// is computed for it must not depend on that.
/// </remarks>
public unsafe struct Portions
{
    /// <summary>The smallest portion is this part of a worker's share, so that dealing costs little.</summary>
    private const int PartsOfShare = 16;

    private readonly long* _places;
    private readonly int _call, _index, _count, _items, _least;
    private int _passed;

    /// <param name="places">How far each worker's share has been dealt out, <see cref="PortionPlaces.Stride"/> numbers apart, below the call that it belongs to; null deals whole shares.</param>
    internal Portions(long* places, int call, int index, int count, int items, int least)
    {
        _places = places;
        _call = call;
        _index = index;
        _count = count;
        _items = items;
        _least = Math.Max(least, items / (PartsOfShare * count));
    }

    /// <summary>The next items to compute; false when none are left.</summary>
    public bool Next(out int from, out int to)
    {
        if (_places == null)
        {
            from = Start(_index);
            to = Start(_index + 1);
            return _passed++ == 0 && from < to;
        }

        while (_passed < _count)
        {
            int owner = _index + _passed;
            if (owner >= _count) owner -= _count;
            ref long place = ref _places[owner * PortionPlaces.Stride];
            long seen = Volatile.Read(ref place);
            from = (int)(seen >> 32) == _call ? (int)seen : Start(owner);
            int left = Start(owner + 1) - from;
            if (left <= 0)
            {
                _passed++;
                continue;
            }

            to = from + (left <= _least ? left : Math.Max(_least, (left + 1) / 2));
            if (Interlocked.CompareExchange(ref place, ((long)_call << 32) | (uint)to, seen) == seen) return true;
        }

        from = to = 0;
        return false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly int Start(int worker) => (int)((long)_items * worker / _count);
}
