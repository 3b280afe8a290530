using System.Linq;
using System.Text;

namespace Sinter.Compiler.Operations;

/// <summary>Writes the calls of a region, stage by stage, for dumps.</summary>
public static class CallPrinter
{
    public static string Print(LoweredRegion region)
    {
        var text = new StringBuilder();
        int stage = -1;
        foreach (Call call in region.Calls)
        {
            if (call.Stage != stage) text.Append($"stage {stage = call.Stage}\n");
            string Names(EquatableArray<int> buffers, EquatableArray<string> caches) =>
                string.Join(", ", buffers.Select(buffer => region.Buffers[buffer].Name).Concat(caches.Select(cache => $"cache {cache}")));
            text.Append($"  {call.Operation.Name}: {Names(call.Reads, call.ReadCaches)} → {Names(call.Writes, call.WrittenCaches)}\n");
        }

        return text.ToString();
    }
}
