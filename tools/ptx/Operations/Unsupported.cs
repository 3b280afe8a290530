using System;
using System.Collections.Generic;
using System.Linq;

namespace Sinter.Ptx.Operations;

/// <summary>Instructions of the ISA that no test covers, so that a kernel with them is refused and not run wrongly.</summary>
internal static class Unsupported
{
    private static readonly string[] s_names =
    [
        "stmatrix", "wmma", "elect", "match", "mapa", "isspacep", "ldu", "prefetch", "prefetchu", "discard",
        "applypriority", "createpolicy", "griddepcontrol", "nanosleep", "pmevent", "setmaxnreg", "fns", "bmsk", "addc", "subc", "mul24",
        "sad", "slct", "set", "tanh", "sin", "cos", "copysign", "clusterlaunchcontrol", "tcgen05", "tensormap", "multimem",
    ];

    public static Dictionary<string, Decode> Table { get; } = s_names.ToDictionary<string, string, Decode>(
        name => name, _ => static site => throw site.Error($"{site.Root} is not supported yet."), StringComparer.Ordinal);
}
