using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Passes.Differentiation;
using Sinter.Compiler.Passes.Training;
using Sinter.Models.Tests.Golden;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Training;
using Sinter.Tests.Data;
using Sinter.Tests.Reference;
using Xunit;

namespace Sinter.Models.Tests.Gradient;

/// <summary>
/// A row of several documents with the mask between them, in the compiled step, against the same documents one by one in the
/// reference evaluation, which knows no mask: losses and gradients are the means over the row's tokens.
/// </summary>
public sealed class DocumentMaskTests
{
    /// <summary>One longer than a block of queries, one of a single token, one that ends in the middle of a block.</summary>
    private static readonly int[] s_lengths = [70, 1, 25, 40];

    private const double Lambda = 0.3;

    private readonly MicroTraining _golden = new();
    private readonly TrainedWeights _weights = new(new CheckpointFolder(Repository.Checkpoint(MicroTraining.Name)));
    private readonly int[] _tokens = [.. Enumerable.Range(0, s_lengths.Sum() + 2).Select(i => (i * i * 7 + i * 3 + i / 5) % 64)];

    [Theory]
    [InlineData(Keeping.Products, true)]
    [InlineData(Keeping.Inputs, false)]
    public void Each_document_has_the_loss_and_the_gradients_that_it_has_alone(Keeping keeping, bool restarts) =>
        Check(CompiledTrainings.Of(MicroTraining.Name, keeping), restarts);

    /// <summary>A score that no attention kernel can take runs as products and loops of its own.</summary>
    [Fact]
    public void So_it_is_where_attention_is_not_one_kernel()
    {
        TrainingProgram program = CompiledTrainings.Compile(
            MicroTraining.Model(edit: text => text.Replace("causal(score[t,h,s])", "causal(max(score[t,h,s], -1000))", StringComparison.Ordinal)), Keeping.Products);
        Assert.NotEqual(0, program.Training.PairBytes);
        Check(program, restarts: true);
    }

    private void Check(TrainingProgram program, bool restarts)
    {
        int length = s_lengths.Sum();
        using var session = new CompiledTrainingSession(program, new TrainingOptions { Length = length, Threads = 2, Moments = ElementType.F32, RestartsPositions = restarts });
        foreach (TrainedTensor tensor in session.Tensors) _weights[tensor.Name].Numbers.Select(number => (float)number).ToArray().CopyTo(tensor.Weights);
        int[] documents = [.. s_lengths.SelectMany((count, document) => Enumerable.Repeat(document, count)), s_lengths.Length, s_lengths.Length];

        // An angle at position p is rounded by p/2 units of float32: as much more as the positions of the row are beyond those of the documents.
        // A loss is a running sum over the row, whose rounding grows as the root of its length.
        double widening = restarts ? 2 : 40, tolerance = widening * _golden.Measured("loss_max_abs") * Math.Sqrt(length / _golden.Setting("seq"));
        BatchReport report = session.Accumulate(_tokens, 1, new ObjectiveFactors(1, Lambda, 0), documents);
        (double main, double prediction, Dictionary<string, double[]> gradients) = Apart(length);
        Assert.Equal(main, report.Main, tolerance);
        Assert.Equal(prediction, report.Prediction[0], tolerance);
        foreach (TrainedTensor tensor in session.Tensors.Where(tensor => tensor.IsTrained))
            GoldenCheck.Near(gradients[tensor.Name], [.. tensor.Gradient.ToArray().Select(number => (double)number)], widening * _golden.Measured("grad_max_abs"), tensor.Name);

        // The row without a mask is another thing, by far, and comes back after one with it.
        Assert.NotEqual(main, session.Evaluate(_tokens, 1).Main, 1e-3);
        Assert.Equal(main, session.Evaluate(_tokens, 1, documents).Main, tolerance);
    }

    private (double Main, double Prediction, Dictionary<string, double[]> Gradients) Apart(int length)
    {
        TrainingGraph training = DifferentiateModel.Run(MicroTraining.Model(), balanced: "s");
        double main = 0, prediction = 0;
        Dictionary<string, double[]> gradients = [];
        int start = 0;
        foreach (int count in s_lengths)
        {
            double part = (double)count / length;
            TrainingStep step = TrainingEvaluator.Run(
                training, _weights, _tokens[start..(start + count + 2)], new Dictionary<string, double> { [Objective.Main] = part, [Objective.Prediction] = part * Lambda });
            main += part * step.Losses[Objective.Main];
            prediction += part * step.Losses[Objective.Prediction];
            foreach ((string name, double[] gradient) in step.Gradients)
                gradients[name] = gradients.TryGetValue(name, out double[]? other) ? [.. other.Zip(gradient, (a, b) => a + b)] : gradient;
            start += count;
        }

        return (main, prediction, gradients);
    }
}
