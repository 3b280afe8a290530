using System.Collections.Generic;
using Sinter.Ptx.Execution;

namespace Sinter.Ptx.Operations;

/// <summary>Special registers (PTX ISA, section 10). Clusters have one block.</summary>
internal static class SpecialRegisters
{
    private delegate ulong Value(Warp warp, int lane);

    private static readonly Dictionary<string, Value> s_values = Table();

    public static bool IsKnown(string name) => s_values.ContainsKey(name);

    /// <summary>Fills the registers that hold constants and special registers.</summary>
    public static void Fill(Warp warp, KernelCode code)
    {
        foreach (var (register, value) in code.Constants)
        {
            warp.Register(register).Fill(value);
            warp.Defined[register] = uint.MaxValue;
        }

        foreach (var (register, name) in code.Specials)
        {
            var value = s_values[name];
            var lanes = warp.Register(register);
            for (var lane = 0; lane < Warp.Lanes; lane++)
            {
                lanes[lane] = value(warp, lane);
            }

            warp.Defined[register] = uint.MaxValue;
        }

        warp.Defined[0] = uint.MaxValue;
    }

    private static Dictionary<string, Value> Table()
    {
        var table = new Dictionary<string, Value>();
        Add(table, "tid", (warp, lane) => warp.Block.Launch.Shape.Block.At(warp.Thread(lane)));
        Add(table, "ntid", (warp, _) => warp.Block.Launch.Shape.Block);
        Add(table, "ctaid", (warp, _) => warp.Block.Index);
        Add(table, "nctaid", (warp, _) => warp.Block.Launch.Shape.Grid);
        Add(table, "clusterid", (warp, _) => warp.Block.Index);
        Add(table, "nclusterid", (warp, _) => warp.Block.Launch.Shape.Grid);
        Add(table, "cluster_ctaid", (_, _) => new Dimensions(0, 0, 0));
        Add(table, "cluster_nctaid", (_, _) => new Dimensions(1));
        table["%cluster_ctarank"] = (_, _) => 0;
        table["%cluster_nctarank"] = (_, _) => 1;
        table["%is_explicit_cluster"] = (_, _) => 0;
        table["%laneid"] = (_, lane) => (ulong)lane;
        table["%warpid"] = (warp, _) => (ulong)warp.Index;
        table["%nwarpid"] = (warp, _) => (ulong)warp.Block.Warps.Length;
        table["%smid"] = (_, _) => 0;
        table["%nsmid"] = (_, _) => 1;
        table["%gridid"] = (_, _) => 1;
        table["%lanemask_eq"] = (_, lane) => 1UL << lane;
        table["%lanemask_lt"] = (_, lane) => (1UL << lane) - 1;
        table["%lanemask_le"] = (_, lane) => (2UL << lane) - 1;
        table["%lanemask_gt"] = (_, lane) => uint.MaxValue & ~((2UL << lane) - 1);
        table["%lanemask_ge"] = (_, lane) => uint.MaxValue & ~((1UL << lane) - 1);
        table["%dynamic_smem_size"] = (warp, _) => (ulong)warp.Block.Launch.Shape.DynamicShared;
        table["%total_smem_size"] = (warp, _) => (ulong)warp.Block.Launch.SharedBytes;
        table["%clock"] = (warp, _) => (uint)warp.Block.Launch.Steps;
        table["%clock64"] = (warp, _) => (ulong)warp.Block.Launch.Steps;
        table["%globaltimer"] = (warp, _) => (ulong)warp.Block.Launch.Steps;
        return table;
    }

    private delegate Dimensions Sizes(Warp warp, int lane);

    private static void Add(Dictionary<string, Value> table, string name, Sizes sizes)
    {
        table[$"%{name}.x"] = (warp, lane) => (ulong)sizes(warp, lane).X;
        table[$"%{name}.y"] = (warp, lane) => (ulong)sizes(warp, lane).Y;
        table[$"%{name}.z"] = (warp, lane) => (ulong)sizes(warp, lane).Z;
    }
}
