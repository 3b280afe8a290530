using System;
using System.Collections.Generic;
using System.Linq;

namespace Sinter.Compiler.Operations;

/// <summary>A buffer's bytes, and the first and the last stage in which it is needed.</summary>
internal sealed record Lifetime(int Buffer, int Bytes, int First, int Last)
{
    /// <summary>
    /// Gives each buffer a place, large ones first, at the lowest offset from <paramref name="start"/> on that no buffer needed at
    /// the same time has.
    /// </summary>
    /// <param name="places">By buffer; those laid are written.</param>
    /// <returns>The end of the last.</returns>
    /// <exception cref="OverflowException">They take more bytes than can be counted.</exception>
    public static int Lay(IEnumerable<Lifetime> lifetimes, int[] places, int start)
    {
        int end = start;
        List<Lifetime> placed = [];
        foreach (Lifetime lifetime in lifetimes.OrderByDescending(lifetime => lifetime.Bytes).ThenBy(lifetime => lifetime.Buffer))
        {
            int offset = start;
            foreach (Lifetime other in placed.Where(lifetime.Overlaps).OrderBy(other => places[other.Buffer]))
            {
                if (offset + lifetime.Bytes <= places[other.Buffer]) break;
                offset = Math.Max(offset, checked(places[other.Buffer] + other.Bytes));
            }

            places[lifetime.Buffer] = offset;
            placed.Add(lifetime);
            end = Math.Max(end, checked(offset + lifetime.Bytes));
        }

        return end;
    }

    private bool Overlaps(Lifetime other) => First <= other.Last && other.First <= Last;
}
