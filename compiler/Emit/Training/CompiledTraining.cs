using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Operations;
using Sinter.Compiler.Operations.Training;
using Sinter.Compiler.Passes.Training;

namespace Sinter.Compiler.Emit.Training;

/// <summary>All that is printed for the training of one model.</summary>
/// <param name="Program">The model's own program, for its description.</param>
/// <param name="Forward">Regions in the order in which they run; so <paramref name="Backward"/>.</param>
/// <param name="Plan">Of the regions forward, then backward.</param>
/// <param name="MadeAnew">By forward region: its values that the backward pass makes again instead of finding them kept.</param>
public sealed record CompiledTraining(
    CompiledProgram Program,
    EquatableArray<TrainingRegion> Forward,
    EquatableArray<TrainingRegion> Backward,
    TrainingPlan Plan,
    TrainingSlots Slots,
    TrainingKernels Kernels,
    Precision Precision,
    EquatableArray<EquatableArray<string>> MadeAnew)
{
    public string Name => Program.Model.Name;

    /// <summary>Whether a clock stands around every kernel and barrier, for <c>sinter train --profile</c>.</summary>
    public bool IsTimed { get; init; }

    public IEnumerable<TrainingRegion> Regions => Forward.Concat(Backward);

    /// <summary>The distinct rotary tables, in the order in which calls name them.</summary>
    public List<RotaryTable> Rotaries() =>
        [.. Regions.SelectMany(region => region.Calls).SelectMany(call => call.Arguments).OfType<RotaryArgument>().Select(argument => argument.Table).Distinct()];

    /// <summary>Regions that route, each with its first place among the balanced layers.</summary>
    public List<(TrainingRegion Region, int Experts, int First)> Balanced()
    {
        List<(TrainingRegion, int, int)> balanced = [];
        int next = 0;
        foreach (TrainingRegion region in Forward)
        {
            if (region.Buffers.FirstOrDefault(buffer => buffer.Home == TrainingHome.Loads) is not { } loads) continue;
            balanced.Add((region, loads.Numbers, next));
            next += System.Math.Max(1, region.EndLayer - region.FirstLayer);
        }

        return balanced;
    }
}

/// <summary>The distinct kernels of a training step: operations that differ in no more than name and equation share one.</summary>
public sealed class TrainingKernels
{
    private readonly Dictionary<Operation, KernelSource> _byOperation = [];

    public TrainingKernels(IEnumerable<TrainingRegion> regions)
    {
        var names = new HashSet<string>();
        foreach (IGrouping<Operation, Operation> same in regions.SelectMany(region => region.Calls).Select(call => call.Operation).GroupBy(Key))
        {
            Operation first = same.First();
            string name = first.Name;
            for (int i = 2; !names.Add(name); i++) name = $"{first.Name}_{i}";
            string equation = string.Join("\n", same.SelectMany(operation => operation.Equation.Split('\n')).Distinct());
            KernelSource kernel = TrainingKernelPrinter.Print(first with { Name = name, Equation = equation }, name);
            All.Add(kernel);
            _byOperation.Add(same.Key, kernel);
        }
    }

    public List<KernelSource> All { get; } = [];

    public KernelSource this[Operation operation] => _byOperation[Key(operation)];

    private static Operation Key(Operation operation) => operation with { Name = "", Equation = "" };
}
