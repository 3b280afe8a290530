using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Binding;
using Sinter.Compiler.Emit;
using Sinter.Compiler.Emit.Training;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Operations;
using Sinter.Compiler.Operations.Training;
using Sinter.Compiler.Operations.Training.Lowering;
using Sinter.Compiler.Passes;
using Sinter.Compiler.Passes.Differentiation;
using Sinter.Compiler.Passes.Training;
using Sinter.Compiler.Syntax;

namespace Sinter.Compiler;

// From a model's graph to its training step.
public static partial class Pipeline
{
    /// <summary>Compiles the training step of a bound model as far as C#, with the objective that its <c>train</c> section states.</summary>
    /// <param name="isTimed">Whether the program is to take the time of its kernels: its numbers are the same.</param>
    public static CompiledTrainingModel CompileTraining(
        BoundModel model, string @namespace, Precision precision = Precision.F32, Keeping keeping = Keeping.Products, Dump? dump = null, bool isTimed = false)
    {
        (ModelGraph? graph, EquatableArray<DiagnosticInfo> errors) = GraphBuilder.Build(model);
        if (graph is null || errors.Count > 0) return new CompiledTrainingModel(errors, "", default, null);
        try
        {
            CompiledTraining training = LowerTraining(graph, model.Training?.Loss is { } loss ? BalancedScores(loss) : null, precision, keeping, dump) with { IsTimed = isTimed };
            return new CompiledTrainingModel(default, $"{@namespace}.{graph.Name}Training", Print(training, @namespace), training);
        }
        catch (System.Exception unsupported) when (unsupported is UnsupportedException or System.ArgumentException)
        {
            return new CompiledTrainingModel(new[] { new DiagnosticInfo(Diagnostics.NoSchedule, model.Span, unsupported.Message) }.ToEquatable(), "", default, null);
        }
    }

    /// <summary>Lowers the objective of a model and its gradients to kernels and calls.</summary>
    /// <param name="balanced">The scores whose balance is part of the objective, by their name in the description; or none.</param>
    /// <param name="precision">In which numbers the products of linear layers are computed.</param>
    /// <param name="keeping">What the forward pass keeps for the gradients.</param>
    /// <param name="stretch">Tokens for which the head's scores exist at a time; null for what makes some sixteen million.</param>
    /// <exception cref="UnsupportedException">No schedule can run a part of it.</exception>
    /// <exception cref="System.ArgumentException">The model has no such scores, or no logits.</exception>
    public static CompiledTraining LowerTraining(
        ModelGraph model, string? balanced, Precision precision = Precision.F32, Keeping keeping = Keeping.Products, Dump? dump = null, int? stretch = null)
    {
        TrainingGraph training = DifferentiateModel.Run(model, balanced, graph => FormAttention.Run(graph, TrainingLowering.Supports), SplitHead.Run);
        int count = training.Forward.Count;
        var forward = new Region[count];
        var backward = new Region[count];
        var anew = new EquatableArray<string>[count];
        TensorGraph[] apart = [.. training.Forward.Select((region, i) => TakeProductsApart.Run(Wanted(region, training.Forward.Skip(i + 1)), Workload.Prefill))];
        LinearTensors linear = LinearTensors.Of(apart);
        TensorGraph Prepare(TensorGraph graph) => MergeEqual.Run(PlaceCasts.Run(graph, linear, precision));
        for (int i = 0; i < count; i++)
        {
            Region ahead = training.Forward[i], back = training.Backward[count - 1 - i];
            if (SplitHead.IsHead(ahead))
            {
                TensorGraph joined = SplitHead.Join(apart[i], TakeProductsApart.Run(back.Graph, Workload.Prefill));
                forward[i] = ahead with { Graph = Prepare(apart[i]) };
                backward[count - 1 - i] = back with { Graph = Prepare(joined) };
                continue;
            }

            (TensorGraph keeps, TensorGraph finds, anew[i]) = KeepValues.Run(Prepare(apart[i]), Prepare(TakeProductsApart.Run(back.Graph, Workload.Prefill)), keeping);
            forward[i] = ahead with { Graph = keeps };
            backward[count - 1 - i] = back with { Graph = finds };
        }

        var names = new TrainingNames();
        TrainingRegion LowerRegion(Region region, bool descends)
        {
            dump?.Invoke(model.Name, $"prepare training ({region.Name})", () => GraphPrinter.Print(region.Graph));
            names.Enter(region.Graph);
            return PlaceTrainingStages.Run(TrainingLowering.Run(region, descends, names)) with { Stretch = SplitHead.IsHead(region) ? stretch ?? Stretch(region) : 0 };
        }

        List<TrainingRegion> ahead2 = [.. forward.Select(region => LowerRegion(region, descends: false))];
        List<TrainingRegion> back2 = [.. backward.Select(region => LowerRegion(region, descends: true))];
        List<TrainingRegion> all = [.. ahead2, .. back2];
        TrainingPlan plan = PlanTrainingMemory.Run(all, [.. Enumerable.Range(0, count), .. Enumerable.Range(0, count).Reverse()]);
        return new CompiledTraining(Lower(model), ahead2.ToEquatable(), back2.ToEquatable(), plan, TrainingSlots.Of(all), new TrainingKernels(all), precision, anew.ToEquatable());
    }

    /// <summary>Prints a lowered training step: its class and its kernels.</summary>
    public static EquatableArray<GeneratedFile> Print(CompiledTraining training, string @namespace) => new[]
    {
        new GeneratedFile($"{training.Name}.Training.g.cs", TrainingEmitter.Emit(training, @namespace)),
        new GeneratedFile($"{training.Name}.TrainingKernels.g.cs", TrainingEmitter.EmitKernels(training, @namespace)),
    }.ToEquatable();

    /// <summary>How many tokens a head takes at a time: as many as make its scores some sixteen million, and a block of rows at least.</summary>
    private static int Stretch(Region region)
    {
        const int MostScores = 1 << 24, Least = 48, Most = 288;
        int entries = region.Graph.Nodes.Where(node => node.Axes.Count == 2 && node.Axes[0].Extent == Extent.Tokens).Max(node => node.Axes[1].Size);
        return System.Math.Min(Most, System.Math.Max(Least, MostScores / entries / Least * Least));
    }

    /// <summary>A forward region with no more outputs than losses and what a later round or region takes.</summary>
    private static TensorGraph Wanted(Region region, IEnumerable<Region> later)
    {
        IEnumerable<Region> takers = region.EndLayer - region.FirstLayer > 1 ? later.Prepend(region) : later;
        HashSet<string> taken = [.. takers.SelectMany(taker => taker.Graph.Nodes).OfType<Input>().Select(input => input.Name)];
        IEnumerable<Output> outputs = region.Graph.Outputs.Where(output => Objective.IsLoss(output.Name) || taken.Contains(output.Name));
        return region.Graph with { Traces = default, Outputs = outputs.ToEquatable() };
    }

    /// <summary>What stands in <c>sequence_balance(…)</c> of a loss.</summary>
    private static string? BalancedScores(Expression loss) => loss switch
    {
        Sum sum => sum.Terms.Select(term => BalancedScores(term.Value)).FirstOrDefault(name => name is not null),
        Product product => product.Factors.Select(factor => BalancedScores(factor.Value)).FirstOrDefault(name => name is not null),
        Syntax.Call call when call.Path[call.Path.Count - 1].Name.Text == "sequence_balance" && call.Arguments.Count == 1
            && call.Arguments[0].Value is Reference scores => scores.Path[scores.Path.Count - 1].Name.Text,
        _ => null,
    };

}

/// <summary>The training step of a model compiled as far as C#, or what is wrong with it.</summary>
/// <param name="ProgramClass">Full name of the generated class that derives from the runtime's TrainingProgram.</param>
/// <param name="Training">What was printed; null where something is wrong.</param>
public sealed record CompiledTrainingModel(EquatableArray<DiagnosticInfo> Diagnostics, string ProgramClass, EquatableArray<GeneratedFile> Files, CompiledTraining? Training);
