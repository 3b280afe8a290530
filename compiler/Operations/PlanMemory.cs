using System.Collections.Generic;
using System.Linq;

namespace Sinter.Compiler.Operations;

/// <summary>
/// Where the buffers of all regions lie. Offsets and sizes are bytes for one row: the arenas of tokens and positions are laid
/// out for the most rows that a step may have.
/// </summary>
/// <param name="Offsets">By region and buffer; -1 for what the pass provides.</param>
public sealed record MemoryPlan(EquatableArray<EquatableArray<int>> Offsets, int TokenBytes, int PositionBytes, int FixedBytes);

/// <summary>
/// Gives each buffer a place for the stages in which it is needed, large ones first, at the lowest offset that no buffer
/// needed at the same time has.
/// </summary>
public static class PlanMemory
{
    private const int FixedAlignment = 64;

    public static MemoryPlan Run(IReadOnlyList<LoweredRegion> regions)
    {
        var boundary = new Dictionary<string, int>();
        int boundaryBytes = 0;
        foreach (BufferSpecification buffer in regions.SelectMany(region => region.Buffers).Where(buffer => buffer.Home == BufferHome.Boundary))
        {
            if (boundary.ContainsKey(buffer.Name)) continue;
            boundary.Add(buffer.Name, boundaryBytes);
            boundaryBytes += Bytes(buffer);
        }

        int tokens = boundaryBytes, positions = 0, once = 0;
        List<EquatableArray<int>> offsets = [];
        foreach (LoweredRegion region in regions)
        {
            var places = Enumerable.Repeat(-1, region.Buffers.Count).ToArray();
            tokens = System.Math.Max(tokens, Place(region, BufferRows.Tokens, places, boundaryBytes));
            positions = System.Math.Max(positions, Place(region, BufferRows.Positions, places, 0));
            once = System.Math.Max(once, Place(region, BufferRows.Once, places, 0));
            for (int i = 0; i < places.Length; i++)
            {
                if (region.Buffers[i].Home == BufferHome.Boundary) places[i] = boundary[region.Buffers[i].Name];
            }

            offsets.Add(places.ToEquatable());
        }

        return new MemoryPlan(offsets.ToEquatable(), tokens, positions, once);
    }

    private static int Bytes(BufferSpecification buffer)
    {
        int bytes = checked(4 * buffer.Width);
        return buffer.Rows == BufferRows.Once ? (bytes + FixedAlignment - 1) / FixedAlignment * FixedAlignment : bytes;
    }

    /// <summary>Places the buffers of one kind of rows from an offset on; gives the end of the last.</summary>
    private static int Place(LoweredRegion region, BufferRows rows, int[] places, int start)
    {
        List<Lifetime> lifetimes = [];
        for (int i = 0; i < region.Buffers.Count; i++)
        {
            BufferSpecification buffer = region.Buffers[i];
            if (buffer.Rows != rows || buffer.Home != BufferHome.Plan) continue;
            List<int> stages = [.. region.Calls.Where(call => call.Reads.Contains(i) || call.Writes.Contains(i)).Select(call => call.Stage)];
            if (stages.Count > 0) lifetimes.Add(new Lifetime(i, Bytes(buffer), stages.Min(), stages.Max()));
        }

        return Lifetime.Lay(lifetimes, places, start);
    }
}
