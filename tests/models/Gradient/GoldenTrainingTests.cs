using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using Sinter.Compiler.Passes.Differentiation;
using Sinter.Models.Tests.Golden;
using Sinter.Runtime.Training;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Models.Tests.Gradient;

/// <summary>
/// Twenty steps of the whole recipe, in double precision, against PyTorch's: objective, gradients, clipping, AdamW, the rate's
/// schedule, and the routing bias. Losses and norms may differ from float64 by what float32 did there. Weights may differ from
/// float32 by twice that: the reference's float64 has rotary angles in float32, and this has not.
/// </summary>
public sealed class GoldenTrainingTests
{
    private readonly MicroTraining _golden = new();
    private readonly TrainedWeights _weights = new(new CheckpointFolder(Repository.Checkpoint(MicroTraining.Name)));
    private readonly TrainingGraph _training = DifferentiateModel.Run(MicroTraining.Model(), balanced: "s");
    private readonly Dictionary<string, (double[] Mean, double[] Square)> _moments = [];

    [Fact]
    public void Twenty_steps_go_as_in_the_reference()
    {
        int steps = (int)_golden.Setting("steps");
        for (int step = 0; step < steps; step++)
        {
            BatchStep batch = _golden.Run(_training, _weights, step, _golden.Setting("mtp_lambda"), _golden.Setting("balance_alpha"));
            double norm = Math.Sqrt(batch.Gradients.Values.Sum(gradient => GradientNorm.SumOfSquares<double>(gradient)));
            double rate = RateCurve.WarmUpThenCosine(step, (long)_golden.Setting("warmup"), steps, _golden.Setting("lr"), _golden.Setting("floor"));
            CheckReport(step, batch, norm, rate);

            Descend(step, batch, norm, rate);
            Balance(step, batch);
            if (step == 0) CheckWeights("after1.", "after1_max_abs");
        }

        CheckWeights("after20.", "afterN_max_abs");
    }

    private void Descend(int step, BatchStep batch, double norm, double rate)
    {
        JsonElement betas = _golden.Facts.GetProperty("hyper").GetProperty("betas");
        var settings = new AdamWSettings(betas[0].GetDouble(), betas[1].GetDouble(), _golden.Setting("eps"), _golden.Setting("weight_decay"));
        double scale = GradientNorm.ClipFactor(norm, _golden.Setting("clip"));
        foreach ((string name, double[] gradient) in batch.Gradients)
        {
            StoredTensor weights = _weights[name];
            if (!_moments.TryGetValue(name, out (double[] Mean, double[] Square) moments))
                _moments[name] = moments = (new double[gradient.Length], new double[gradient.Length]);
            AdamW.Update<double>(
                settings, rate, step + 1, AdamW.Decays(weights.Shape.Length), scale, weights.Numbers, gradient, moments.Mean, moments.Square);
        }
    }

    /// <summary>The loads, and where the bias stands after them; layers in the order of the golden traces.</summary>
    private void Balance(int step, BatchStep batch)
    {
        StoredTensor loads = _golden.Golden["load_trace"], biases = _golden.Golden["bias_trace"];
        int[] layers = [.. batch.Loads.Keys.Order()];
        Assert.Equal(loads.Shape[1], layers.Length);
        int experts = loads.Shape[2];
        for (int i = 0; i < layers.Length; i++)
        {
            int from = (step * layers.Length + i) * experts;
            Assert.Equal(loads.Integers[from..(from + experts)], batch.Loads[layers[i]]);
            double[] bias = _weights[$"model.layers.{layers[i]}.mlp.gate.e_score_correction_bias"].Numbers;
            RoutingBias.Update<double>(bias, batch.Loads[layers[i]], _golden.Setting("gamma"));

            // Each step rounds once in float32, the bias being below one half.
            GoldenCheck.Near(biases.Numbers[from..(from + experts)], bias, (step + 1) * Math.Pow(2, -26), $"bias of layer {layers[i]} after step {step}");
        }
    }

    private void CheckReport(int step, BatchStep batch, double norm, double rate)
    {
        double[] report = [.. _golden.Facts.GetProperty("trace_f64")[step].EnumerateArray().Select(number => number.GetDouble())];
        double main = batch.Losses[Objective.Main], prediction = batch.Losses[Objective.Prediction], balance = batch.Losses[Objective.Balance];
        double total = main + _golden.Setting("mtp_lambda") * prediction + _golden.Setting("balance_alpha") * balance;
        double tolerance = _golden.Measured("loss_max_abs");
        GoldenCheck.Near(report[1..5], [total, main, prediction, balance], tolerance, $"total, main, prediction and balance loss of step {step}");
        GoldenCheck.Near([report[5]], [norm], report[5] * _golden.Measured("grad_max_rel_norm"), $"gradient norm of step {step}");
        GoldenCheck.Near([report[6]], [rate], 1e-15, $"rate of step {step}");
    }

    private void CheckWeights(string prefix, string tolerance)
    {
        string[] names = [.. _golden.Golden.Names.Where(name => name.StartsWith(prefix, StringComparison.Ordinal))];
        Assert.Equal(_moments.Count, names.Length);
        foreach (string name in names) GoldenCheck.Near(_golden.Golden[name].Numbers, _weights[name[prefix.Length..]].Numbers, 2 * _golden.Measured(tolerance), name);
    }
}
