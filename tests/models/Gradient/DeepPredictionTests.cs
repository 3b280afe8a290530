using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Passes.Differentiation;
using Sinter.Compiler.Passes.Training;
using Sinter.Models.Tests.Golden;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Training;
using Sinter.Tests.Data;
using Sinter.Tests.Reference;
using Xunit;
using StoredTensor = Sinter.Tests.Data.StoredTensor;

namespace Sinter.Models.Tests.Gradient;

/// <summary>
/// Multi-token prediction at two depths (DeepSeek-V3 equations 21 to 25): each depth a layer of its own, from what the last one
/// gave; embedding and head are the model's.
/// </summary>
public sealed class DeepPredictionTests
{
    private const int Length = 6;
    private const double Lambda = 0.3;

    private readonly MicroTraining _golden = new();
    private readonly ModelGraph _model = MicroTraining.Model(predicted: 2);
    private readonly TrainingGraph _training;
    private readonly DeepWeights _weights = new(new TrainedWeights(new CheckpointFolder(Repository.Checkpoint(MicroTraining.Name))));
    private readonly int[] _tokens = [.. Enumerable.Range(0, Length + 3).Select(i => (i * i * 5 + i) % 64)];

    public DeepPredictionTests() => _training = DifferentiateModel.Run(_model, balanced: "s");

    private static Dictionary<string, double> Worths => new()
    {
        [Objective.Main] = 1,
        [Objective.At(Objective.Prediction, 1)] = Lambda / 2,
        [Objective.At(Objective.Prediction, 2)] = Lambda / 2,
    };

    /// <summary>The second depth by hand: the layer applied to what it gave, with the other layer's weights in its place.</summary>
    [Fact]
    public void The_second_depth_foresees_three_tokens_on_from_what_the_first_gave()
    {
        TrainingStep step = TrainingEvaluator.Run(_training, _weights, _tokens, Worths);
        var evaluator = new GraphEvaluator(_model, _weights);
        Evaluation main = evaluator.Run(_tokens[..Length]), first = evaluator.Predict(main.Outputs["hidden"], _tokens[1..(Length + 1)]);
        Evaluation second = new GraphEvaluator(_model, new Shifted(_weights)).Predict(first.Outputs["hidden"], _tokens[2..(Length + 2)]);
        Assert.Equal(MicroGolden.CrossEntropy(main.Outputs["logits"].Numbers, _tokens[1..(Length + 1)]), step.Losses[Objective.Main], 1e-12);
        Assert.Equal(MicroGolden.CrossEntropy(first.Outputs["logits"].Numbers, _tokens[2..(Length + 2)]), step.Losses[Objective.Prediction], 1e-12);
        Assert.Equal(MicroGolden.CrossEntropy(second.Outputs["logits"].Numbers, _tokens[3..(Length + 3)]), step.Losses[Objective.At(Objective.Prediction, 2)], 1e-12);
        Assert.NotEqual(step.Losses[Objective.Prediction], step.Losses[Objective.At(Objective.Prediction, 2)], 1e-3);
    }

    /// <summary>A number of each tensor against a difference of fourth order, whose own error is some 1e-11 at this step.</summary>
    [Fact]
    public void The_gradients_are_those_of_differences()
    {
        const double Step = 1e-3;
        TrainingStep step = TrainingEvaluator.Run(_training, _weights, _tokens, Worths);
        string[] second = [.. step.Gradients.Keys.Where(name => name.StartsWith("model.layers.3.", StringComparison.Ordinal))];
        Assert.Equal(step.Gradients.Keys.Count(name => name.StartsWith("model.layers.2.", StringComparison.Ordinal)), second.Length);
        string[] others = ["model.embed_tokens.weight", "lm_head.weight", "model.norm.weight", "model.layers.2.eh_proj.weight"];
        foreach (string name in second.Where(name => !name.Contains(".experts.", StringComparison.Ordinal)).Concat(others))
        {
            double[] numbers = _weights.Find(name)!.Numbers;
            int place = Array.IndexOf(step.Gradients[name], step.Gradients[name].MaxBy(Math.Abs));
            double slope = (8 * (ObjectiveAt(numbers, place, Step) - ObjectiveAt(numbers, place, -Step)) - (ObjectiveAt(numbers, place, 2 * Step) - ObjectiveAt(numbers, place, -2 * Step))) / (12 * Step);
            Assert.True(Math.Abs(slope - step.Gradients[name][place]) <= 1e-7, $"{name}[{place}]: {step.Gradients[name][place]} and by differences {slope}");
        }
    }

    [Theory]
    [InlineData(Keeping.Products)]
    [InlineData(Keeping.Inputs)]
    public void The_compiled_step_has_the_losses_and_gradients_of_both_depths(Keeping keeping)
    {
        using var session = new CompiledTrainingSession(CompiledTrainings.Compile(_model, keeping), new TrainingOptions { Length = Length, Threads = 2, Moments = ElementType.F32 });
        foreach (TrainedTensor tensor in session.Tensors) _weights.Find(tensor.Name)!.Numbers.Select(number => (float)number).ToArray().CopyTo(tensor.Weights);
        Assert.Equal(2, session.Depth);
        Assert.Equal([1, 2, 3], session.BalancedLayers.Select(layer => layer.Layer));
        BatchReport report = session.Accumulate(_tokens, 1, new ObjectiveFactors(1, Lambda, 0));
        TrainingStep step = TrainingEvaluator.Run(_training, _weights, _tokens, Worths);
        double tolerance = 2 * _golden.Measured("loss_max_abs");
        Assert.Equal(step.Losses[Objective.Main], report.Main, tolerance);
        Assert.Equal([step.Losses[Objective.Prediction], step.Losses[Objective.At(Objective.Prediction, 2)]], report.Prediction, (a, b) => Math.Abs(a - b) <= tolerance);
        Assert.Equal(report.Main + Lambda * (report.Prediction[0] + report.Prediction[1]) / 2, report.Total(new ObjectiveFactors(1, Lambda, 0)), 1e-12);
        Assert.All(report.Loads, loads => Assert.Equal(2 * Length, loads.Sum()));
        Assert.Equal(step.Gradients.Count, session.Tensors.Count(tensor => tensor.IsTrained));

        // What was measured is of a batch of more tokens, of which each counts so much less.
        double share = _golden.Batch * _golden.Setting("seq") / Length;
        foreach (TrainedTensor tensor in session.Tensors.Where(tensor => tensor.IsTrained))
            GoldenCheck.Near(step.Gradients[tensor.Name], [.. tensor.Gradient.ToArray().Select(number => (double)number)], 2 * share * _golden.Measured("grad_max_abs"), tensor.Name);
    }

    private double ObjectiveAt(double[] numbers, int place, double by)
    {
        double kept = numbers[place];
        numbers[place] = kept + by;
        TrainingStep step = TrainingEvaluator.Run(_training, _weights, _tokens, Worths);
        numbers[place] = kept;
        return Worths.Sum(worth => worth.Value * step.Losses[worth.Key]);
    }

    /// <summary>The checkpoint's weights, and for the second depth those of the first in another order of rows.</summary>
    private sealed class DeepWeights(TrainedWeights weights) : IWeightSource
    {
        private readonly Dictionary<string, StoredTensor> _second = weights.Names.Where(name => name.StartsWith("model.layers.2.", StringComparison.Ordinal)).ToDictionary(
            name => name.Replace("model.layers.2.", "model.layers.3.", StringComparison.Ordinal),
            name => weights[name] with { Numbers = [.. weights[name].Numbers.Reverse()] });

        public StoredTensor? Find(string name) => _second.GetValueOrDefault(name) ?? weights.Find(name);
    }

    /// <summary>The second depth's weights in the place of the first's.</summary>
    private sealed class Shifted(IWeightSource weights) : IWeightSource
    {
        public StoredTensor? Find(string name) => weights.Find(name.Replace("model.layers.2.", "model.layers.3.", StringComparison.Ordinal));
    }
}
