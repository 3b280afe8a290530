using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Emit;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Operations;
using Sinter.Compiler.Passes;

namespace Sinter.Compiler;

/// <summary>Receives the text of a stage's result: the model's name, the stage's, and what it made.</summary>
public delegate void Dump(string model, string stage, Func<string> text);

/// <summary>
/// The compiler on one page: text → syntax → bound model → graph → passes → operations → kernels → C#. Each stage is a static
/// function of what the stage before it made.
/// </summary>
public static partial class Pipeline
{
    /// <summary>Lowers a model's graph to the kernels and calls of its program, in both orders of attention where they differ.</summary>
    /// <exception cref="UnsupportedException">No schedule can run a part of the model.</exception>
    public static CompiledProgram Lower(ModelGraph model, Dump? dump = null)
    {
        OrderedRegions decoding = Order(model, "Absorbed", Workload.Decoding, dump);
        OrderedRegions prefill = Order(model, "Expanded", Workload.Prefill, dump);
        OrderedRegions[] orders = IsSame(decoding, prefill) ? [decoding] : [decoding, prefill];

        List<LoweredRegion> regions = [.. orders.SelectMany(order => order.All)];
        MemoryPlan plan = PlanMemory.Run(regions);
        KernelSet kernels = KernelSet.Of(regions, KernelPrinter.Print);
        WeightSlots slots = WeightSlots.Of(decoding.Main, decoding.Prediction);
        return new CompiledProgram(model, orders.ToEquatable(), plan, kernels, slots);
    }

    /// <summary>Prints a lowered model: its class with the program, and its kernels.</summary>
    public static EquatableArray<GeneratedFile> Print(CompiledProgram program, string @namespace) => new[]
    {
        new GeneratedFile($"{program.Model.Name}.g.cs", ModelEmitter.Emit(program, @namespace)),
        new GeneratedFile($"{program.Model.Name}.Kernels.g.cs", KernelsEmitter.Emit(program, @namespace)),
    }.ToEquatable();

    /// <summary>Prints a lowered model for devices that ILGPU drives: its program, and its kernels.</summary>
    public static EquatableArray<GeneratedFile> PrintForDevices(CompiledProgram program, string @namespace) => new[]
    {
        new GeneratedFile($"{program.Model.Name}.Device.g.cs", DeviceProgramEmitter.Emit(program, @namespace)),
        new GeneratedFile($"{program.Model.Name}.Device.Kernels.g.cs", DeviceKernelsEmitter.Emit(program.Model.Name, DeviceKernelSet.Of(program), @namespace)),
    }.ToEquatable();

    private static OrderedRegions Order(ModelGraph model, string order, Workload workload, Dump? dump)
    {
        ContractionCost cost = ContractionCost.Zero;
        List<LoweredRegion> main = [];
        foreach (Region region in model.Main)
        {
            main.Add(LowerRegion(model, region, order, workload, dump, out ContractionCost layer));
            cost += layer * Math.Max(1, region.EndLayer - region.FirstLayer);
        }

        LoweredRegion? prediction = model.Prediction is null ? null : LowerRegion(model, model.Prediction, order, workload, dump, out _);
        return new OrderedRegions(order, main.ToEquatable(), prediction, cost);
    }

    private static LoweredRegion LowerRegion(ModelGraph model, Region region, string order, Workload workload, Dump? dump, out ContractionCost cost)
    {
        TensorGraph graph = region.Graph;
        TensorGraph Pass(string name, TensorGraph result)
        {
            dump?.Invoke(model.Name, $"{name} ({region.Name}, {order.ToLowerInvariant()})", () => GraphPrinter.Print(result));
            return result;
        }

        graph = Pass("reorder contractions", ReorderContractions.Run(graph, workload));
        graph = Pass("form attention", FormAttention.Run(graph));
        cost = ContractionCost.Of(graph);
        LoweredRegion lowered = LowerRegions.Run(region with { Graph = graph });
        lowered = PlaceStages.Run(lowered);
        dump?.Invoke(model.Name, $"place stages ({region.Name}, {order.ToLowerInvariant()})", () => CallPrinter.Print(lowered));
        return lowered;
    }

    private static bool IsSame(OrderedRegions left, OrderedRegions right) =>
        left.Main.Equals(right.Main) && Equals(left.Prediction, right.Prediction);
}

/// <summary>A file of generated C#.</summary>
public sealed record GeneratedFile(string HintName, string Text);
