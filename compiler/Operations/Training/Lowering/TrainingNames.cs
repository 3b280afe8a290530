using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Operations.Lowering;
using Sinter.Compiler.Passes.Differentiation;
using Sinter.Compiler.Passes.Training;

namespace Sinter.Compiler.Operations.Training.Lowering;

/// <summary>What passes from region to region, and from the loop around into the training step, by its name.</summary>
internal sealed class TrainingNames
{
    private const string GradientPrefix = "grad.";

    private readonly HashSet<string> _given = [];
    private readonly HashSet<string> _adding = [];

    /// <summary>Begins a region: what it takes is spent, and what it gives besides others' adds up.</summary>
    public void Enter(TensorGraph graph)
    {
        _given.ExceptWith(graph.Nodes.OfType<Input>().Select(input => input.Name));
        _adding.Clear();
        foreach (Output output in graph.Outputs)
        {
            if (output.Name.StartsWith(GradientPrefix, System.StringComparison.Ordinal) && !_given.Add(output.Name)) _adding.Add(output.Name);
        }
    }

    public bool AddsTo(TrainingBuffer buffer) => buffer.Home == TrainingHome.Boundary && _adding.Contains(buffer.Name);

    public TrainingBuffer Input(Input input)
    {
        (int numbers, int sequences) = (input.Axes.Width(), input.Axes.Count(axis => axis.IsRow()));
        TrainingBuffer Of(TrainingHome home, int number = 0) => new(input.Name, numbers, sequences, input.IsIndex, home, number);
        if (input.Name.StartsWith(KeepValues.Prefix, System.StringComparison.Ordinal)) return Of(TrainingHome.Kept);
        return input.Name switch
        {
            "token" => Of(TrainingHome.TokenIds),
            Objective.MainTarget => Of(TrainingHome.TokenIds, 1),
            _ when Objective.DepthOf(Objective.Next, input.Name) is > 0 and int next => Of(TrainingHome.TokenIds, next),
            _ when Objective.DepthOf(Objective.PredictionTarget, input.Name) is > 0 and int depth => Of(TrainingHome.TokenIds, depth + 1),
            _ when IsWorth(input.Name) => Of(TrainingHome.Worth, Kind(input.Name.Substring(GradientPrefix.Length))),
            _ => Of(TrainingHome.Boundary),
        };
    }

    public TrainingBuffer Output(Region region, Output output, Node node)
    {
        TrainingHome home = Objective.IsLoss(output.Name) ? TrainingHome.Loss
            : output.Name.StartsWith(KeepValues.Prefix, System.StringComparison.Ordinal) ? TrainingHome.Kept
            : TrainingHome.Boundary;
        int number = home == TrainingHome.Loss ? Kind(output.Name) : 0;
        return new TrainingBuffer(output.Name, node.Axes.Width(), node.Axes.Count(axis => axis.IsRow()), node is Choose or Graph.Input { IsIndex: true }, home, number);
    }

    /// <summary>Where a choice's loads are counted; null where it chooses no experts.</summary>
    public TrainingBuffer? Balance(Region region, Choose choose)
    {
        int index = region.Graph.Nodes.ToList().IndexOf(choose);
        bool steers = region.Graph.Nodes.Any(node => node is Weight { IndexStride: 0, Index: >= 0 } weight && weight.Index == index);
        return steers ? new TrainingBuffer($"{choose.Name}.loads", choose.Among.Size, 0, true, TrainingHome.Loads) : null;
    }

    private static bool IsWorth(string name) =>
        name.StartsWith(GradientPrefix, System.StringComparison.Ordinal) && Objective.IsLoss(name.Substring(GradientPrefix.Length));

    /// <summary>As the runtime's TrainingPass counts them.</summary>
    private static int Kind(string loss) => loss switch { Objective.Main => 0, Objective.Balance => 1, _ => 1 + Objective.DepthOf(Objective.Prediction, loss) };
}
