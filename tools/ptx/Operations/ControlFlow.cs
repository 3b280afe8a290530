using System.Collections.Generic;
using System.Linq;
using Sinter.Ptx.Decoding;
using Sinter.Ptx.Execution;

namespace Sinter.Ptx.Operations;

/// <summary>Branches and ends (PTX ISA, section 9.7.12), and instructions that change nothing here.</summary>
internal static class ControlFlow
{
    public static Dictionary<string, Decode> Table { get; } = new()
    {
        ["bra"] = Branch,
        ["ret"] = Return,
        ["exit"] = static _ => static (warp, active) => warp.Exit(active),
        ["trap"] = static _ => static (warp, active) =>
        {
            warp.Report(FindingKind.InvalidOperand, Warp.Lowest(active), null, "the kernel traps.");
            warp.Exit(active);
        },
        ["membar"] = Nothing,
        ["fence"] = Fence,
    };

    private static Execute Nothing(Site site)
    {
        foreach (var modifier in site.Left.ToList())
        {
            site.Take(modifier);
        }

        return static (_, _) => { };
    }

    private static Execute Branch(Site site)
    {
        site.Take("uni");
        site.Count(1);
        var label = site.Label(0);
        return (warp, active) => warp.Branch(active, label.Place);
    }

    private static Execute Return(Site site)
    {
        site.Take("uni");
        return site.Return is { } label
            ? (warp, active) => warp.Branch(active, label.Place)
            : static (warp, active) => warp.Exit(active);
    }

    /// <summary>fence.proxy.async shows the asynchronous proxy what was written; the others order what runs in order here.</summary>
    private static Execute Fence(Site site)
    {
        if (site.Left.FirstOrDefault(modifier => modifier.StartsWith("proxy", System.StringComparison.Ordinal)) is not { } proxy)
        {
            return Nothing(site);
        }

        if (proxy != "proxy" || !site.Left.Contains("async"))
        {
            throw site.Error($"fence.{proxy} of this kind is not supported yet.");
        }

        Nothing(site);
        return LaneLoops.Each(static (warp, lane) => warp.Block.Order?.FenceProxy(warp.Thread(lane)));
    }
}
