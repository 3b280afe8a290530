using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Operations;
using Sinter.Compiler.Passes;

namespace Sinter.Compiler.Emit;

/// <summary>The regions of a model, lowered with attention in one order.</summary>
/// <param name="Order">The name of the order: <c>Absorbed</c> or <c>Expanded</c>.</param>
/// <param name="Cost">Of all layers of the main model.</param>
public sealed record OrderedRegions(string Order, EquatableArray<LoweredRegion> Main, LoweredRegion? Prediction, ContractionCost Cost)
{
    /// <summary>The main regions, then the prediction.</summary>
    public IEnumerable<LoweredRegion> All => Prediction is null ? Main : Main.Append(Prediction);
}

/// <summary>All that is printed for one model.</summary>
/// <param name="Orders">The order for decoding first; a second one where the cost model prefers another for prefill.</param>
/// <param name="Plan">Of the regions of all orders: main regions of the first, its prediction, then the second's.</param>
public sealed record CompiledProgram(ModelGraph Model, EquatableArray<OrderedRegions> Orders, MemoryPlan Plan, KernelSet Kernels, WeightSlots Slots)
{
    /// <summary>Whether a clock stands around every kernel and barrier, for <c>sinter bench --roofline</c>.</summary>
    public bool IsTimed { get; init; }

    /// <summary>The distinct rotary tables, in the order in which calls name them.</summary>
    public EquatableArray<RotaryTable> Rotaries { get; } = Orders.SelectMany(order => order.All)
        .SelectMany(region => region.Calls).SelectMany(call => call.Arguments).OfType<RotaryArgument>()
        .Select(argument => argument.Table).Distinct().ToEquatable();
}
