using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using Sinter.Compiler;
using Sinter.Compiler.Emit.Training;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Operations.Training;
using Sinter.Compiler.Passes.Training;
using Sinter.Models.Tests.Golden;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Training;
using Sinter.Runtime.Training.Ranks;
using Sinter.Runtime.Training.Runs;
using Sinter.Tests.Data;
using Sinter.Tests.Ranks;
using Xunit;

namespace Sinter.Models.Tests.Gradient;

/// <summary>The compiled training step in float32 against PyTorch's twenty steps, and against itself with other threads and other choices of what is kept.</summary>
public sealed class CompiledTrainingTests
{
    private readonly MicroTraining _golden = new();

    [Theory]
    [InlineData(Keeping.Products, null)]
    [InlineData(Keeping.Inputs, null)]
    [InlineData(Keeping.Products, 10)]
    public void Twenty_steps_go_as_in_the_reference(Keeping keeping, int? stretch)
    {
        using CompiledTrainingSession session = Open(keeping, threads: 2, ElementType.F32, stretch: stretch);
        CheckTwentySteps(session, Accumulate);
    }

    /// <summary>
    /// Each rank has its part of the sequences and its share of the moments. The tolerances are those of one process, so that the
    /// curves of both are at most so far apart; the order in which ranks come to a call changes no bit.
    /// </summary>
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void Twenty_steps_go_as_in_the_reference_on_several_ranks(int size)
    {
        float[][] weights = InProcessRanks.Run(size, Train), late = InProcessRanks.Run(size, Train, mostDelay: 2);
        Assert.All(weights.Concat(late), all => Assert.Equal(weights[0], all));

        float[] Train(ICommunicator ranks)
        {
            using CompiledTrainingSession session = Open(Keeping.Products, threads: 1, ElementType.F32, ranks: ranks);
            long trained = session.Tensors.Where(tensor => tensor.IsTrained).Sum(tensor => tensor.Count), owned = session.Tensors.Where(tensor => tensor.IsTrained).Sum(tensor => tensor.Owned.Count);
            Assert.Equal((double)trained / size, owned, 0.02 * trained);
            Assert.Equal(trained, ranks.Gather<long>([owned]).Sum());
            CheckTwentySteps(session, AccumulatePart);
            return [.. session.Tensors.SelectMany(tensor => tensor.Weights.ToArray())];
        }

        BatchReport AccumulatePart(CompiledTrainingSession session, int step)
        {
            ICommunicator ranks = session.Options.Ranks;
            (int first, int end) = ranks.Part(_golden.Batch);
            int[] tokens = [.. Enumerable.Range(first, end - first).SelectMany(sequence => _golden.Tokens(step, sequence))];
            return ranks.Add(session, session.Accumulate(tokens, end - first, Factors()), stops: false)!;
        }
    }

    /// <summary>Four times the 0.25 % that the report gives for whole trainings (section 3.3): here each step is looked at, of 96 tokens.</summary>
    [Theory]
    [InlineData(Precision.BF16)]
    [InlineData(Precision.FP8)]
    public void Lower_precision_goes_nearly_the_same_way(Precision precision)
    {
        using CompiledTrainingSession session = Open(Keeping.Products, threads: 2, ElementType.BF16, precision);
        int steps = (int)_golden.Setting("steps");
        for (int step = 0; step < steps; step++)
        {
            double expected = _golden.Facts.GetProperty("trace_f64")[step][2].GetDouble();
            BatchReport report = Accumulate(session, step);
            Assert.NotEqual(expected, report.Main, 1e-6);
            Assert.Equal(expected, report.Main, 0.01 * expected);
            session.Step(Settings(), RateCurve.WarmUpThenCosine(step, (long)_golden.Setting("warmup"), steps, _golden.Setting("lr"), _golden.Setting("floor")), _golden.Setting("clip"));
            for (int i = 0; i < report.Loads.Count; i++) RoutingBias.Update<float>(session.BalancedLayers[i].Bias!.Weights, report.Loads[i], _golden.Setting("gamma"));
        }
    }

    [Fact]
    public void Embedding_head_and_router_are_not_cast()
    {
        TrainingDescription training = CompiledTrainings.Of(MicroTraining.Name, Keeping.Products, Precision.FP8).Training;
        string[] matrices = [.. training.Tensors.Where(tensor => tensor.Shape.Count == 2).Select(tensor => tensor.Name).Distinct()];
        string[] kept = [.. matrices.Except(training.Tensors.Where(tensor => tensor.IsCast).Select(tensor => tensor.Name)).Order(StringComparer.Ordinal)];
        Assert.Equal(["lm_head.weight", "model.embed_tokens.weight", "model.layers.{layer}.mlp.gate.weight"], kept);
    }

    /// <summary>What attention gives and what is sent to experts, forward; the gradient of what experts give; attention's again for its weights' gradient, from E5M6.</summary>
    [Fact]
    public void Powers_of_two_and_E5M6_are_where_the_report_has_them()
    {
        CompiledTraining training = Pipeline.LowerTraining(MicroTraining.Model(), balanced: "s", Precision.FP8);
        string[] Forms(IEnumerable<TrainingRegion> regions) => [.. regions.Single(region => region.Name.EndsWith("layers 1..2", StringComparison.Ordinal)).Calls
            .Select(call => call.Operation).OfType<CastOperation>().Where(cast => cast.Form != CastForm.Tiles).Select(cast => $"{cast.Form} {cast.Width}").Order(StringComparer.Ordinal)];
        Assert.Equal(["RoundTiles 24", "RoundTiles 32"], Forms(training.Forward));
        Assert.Equal(["E5M6Tiles 24", "RoundTiles 32"], Forms(training.Backward));

        // The gradients of o_proj, gate_proj and up_proj turn activations whose scales are powers of two.
        ProductOperation[] products = [.. training.Backward.Single(region => region.Name.EndsWith("layers 1..2", StringComparison.Ordinal)).Calls.Select(call => call.Operation).OfType<ProductOperation>()];
        Assert.Equal(3, products.Count(product => product.RoundsLeft != product.RoundsRight));
        Assert.DoesNotContain(products, product => product.RoundsLeft && product.RoundsRight || (product.RoundsLeft || product.RoundsRight) && !product.CastsDepth);
    }

    [Fact]
    public void Scores_of_a_whole_sequence_have_no_memory() =>
        Assert.Equal(0, CompiledTrainings.Of(MicroTraining.Name, Keeping.Products).Training.PairBytes);

    [Fact]
    public void Threads_change_no_bit()
    {
        float[] one = Train(1);
        Assert.Equal(one, Train(2));
        Assert.Equal(one, Train(3));
    }

    [Fact]
    public void A_batch_may_come_in_parts()
    {
        using CompiledTrainingSession whole = Open(Keeping.Products, 1, ElementType.F32), parts = Open(Keeping.Products, 1, ElementType.F32);
        BatchReport all = Accumulate(whole, 0);
        int[] tokens = Batch(0);
        int half = tokens.Length / 2;
        ObjectiveFactors factors = Factors();
        BatchReport sum = parts.Accumulate(tokens.AsSpan(0, half), 2, factors).Add(parts.Accumulate(tokens.AsSpan(half), 2, factors));
        Assert.Equal(all.Main, sum.Main, 1e-12);
        Assert.Equal(all.Loads, sum.Loads);
        foreach ((TrainedTensor a, TrainedTensor b) in whole.Tensors.Zip(parts.Tensors)) Assert.Equal(a.Gradient.ToArray(), b.Gradient.ToArray());
    }

    [Fact]
    public void An_evaluation_gives_the_same_losses_and_no_gradient()
    {
        using CompiledTrainingSession session = Open(Keeping.Products, 2, ElementType.BF16);
        BatchReport report = session.Evaluate(Batch(0), _golden.Batch);
        Assert.All(session.Tensors, tensor => Assert.All(tensor.Gradient.ToArray(), number => Assert.Equal(0, number)));
        BatchReport trained = Accumulate(session, 0);
        Assert.Equal(trained.Balance, report.Balance);
        Assert.Equal(trained.Main, report.Main, 1e-6);
        Assert.Equal(trained.Prediction[0], report.Prediction[0], 1e-6);
    }

    [Fact]
    public void Numbers_that_are_not_finite_change_no_weight()
    {
        using CompiledTrainingSession session = Open(Keeping.Products, 2, ElementType.F32);
        Accumulate(session, 0);
        session.Tensors[0].Gradient[3] = float.NaN;
        float[] before = session.Tensors[5].Weights.ToArray();
        Assert.Equal(double.NaN, session.Step(Settings(), 1e-3, 1));
        Assert.Equal(before, session.Tensors[5].Weights.ToArray());
        Assert.Equal(0, session.Steps);
        Assert.All(session.Tensors, tensor => Assert.All(tensor.Gradient.ToArray(), number => Assert.Equal(0, number)));
    }

    [Fact]
    public void Tokens_that_do_not_fit_are_refused_in_a_sentence()
    {
        using CompiledTrainingSession session = Open(Keeping.Products, 1, ElementType.F32);
        int[] tokens = Batch(0);
        tokens[7] = 64;
        Assert.Contains("Token 64 is beyond the vocabulary of 64", Assert.Throws<Sinter.Runtime.SinterException>(() => { session.Evaluate(tokens, 4); }).Message, StringComparison.Ordinal);
        Assert.Contains("are not 3 sequences of one length", Assert.Throws<Sinter.Runtime.SinterException>(() => { session.Evaluate(tokens, 3); }).Message, StringComparison.Ordinal);
        Assert.Contains("the session holds 24", Assert.Throws<Sinter.Runtime.SinterException>(() => { session.Evaluate(new int[60], 1); }).Message, StringComparison.Ordinal);
    }

    private void CheckTwentySteps(CompiledTrainingSession session, Func<CompiledTrainingSession, int, BatchReport> accumulate)
    {
        int steps = (int)_golden.Setting("steps");
        Dictionary<string, double[]> uncertain = Uncertain();
        for (int step = 0; step < steps; step++)
        {
            BatchReport report = accumulate(session, step);
            if (step == 0 && session.Options.Ranks.Size == 1) CheckGradients(session);
            double rate = RateCurve.WarmUpThenCosine(step, (long)_golden.Setting("warmup"), steps, _golden.Setting("lr"), _golden.Setting("floor"));
            double norm = session.Step(Settings(), rate, _golden.Setting("clip"));
            CheckReport(step, report, norm);
            Balance(session, step, report);
            if (step == 0) CheckWeights(session, "after1.", _golden.Measured("after1_max_abs"), uncertain);
        }

        Assert.Equal(steps, session.Steps);
        CheckWeights(session, "after20.", _golden.Measured("afterN_max_abs"), uncertain);
    }

    private float[] Train(int threads)
    {
        using CompiledTrainingSession session = Open(Keeping.Products, threads, ElementType.BF16);
        for (int step = 0; step < 3; step++)
        {
            Accumulate(session, step);
            session.Step(Settings(), 1e-3, 1);
        }

        return [.. session.Tensors.SelectMany(tensor => tensor.Weights.ToArray())];
    }

    private static CompiledTrainingSession Open(Keeping keeping, int threads, ElementType moments, Precision precision = Precision.F32, int? stretch = null, ICommunicator? ranks = null)
    {
        var options = new TrainingOptions { Length = 24, Threads = threads, Moments = moments, Precision = Enum.Parse<TrainingPrecision>($"{precision}"), Ranks = ranks ?? OneProcess.Alone };
        var session = new CompiledTrainingSession(CompiledTrainings.Of(MicroTraining.Name, keeping, precision, stretch), options);
        var start = new CheckpointFolder(Repository.Checkpoint(MicroTraining.Name));
        foreach (TrainedTensor tensor in session.Tensors) start.Find(tensor.Name)!.Numbers.Select(number => (float)number).ToArray().CopyTo(tensor.Weights);
        return session;
    }

    private int[] Batch(int step) => [.. Enumerable.Range(0, _golden.Batch).SelectMany(sequence => _golden.Tokens(step, sequence))];

    private ObjectiveFactors Factors() => new(_golden.Batch, _golden.Setting("mtp_lambda"), _golden.Setting("balance_alpha"));

    private BatchReport Accumulate(CompiledTrainingSession session, int step) => session.Accumulate(Batch(step), _golden.Batch, Factors());

    private AdamWSettings Settings()
    {
        JsonElement betas = _golden.Facts.GetProperty("hyper").GetProperty("betas");
        return new AdamWSettings(betas[0].GetDouble(), betas[1].GetDouble(), _golden.Setting("eps"), _golden.Setting("weight_decay"));
    }

    /// <summary>Twice what float32 was from float64 in the reference, since both sides are in float32.</summary>
    private double GradientTolerance => 2 * _golden.Measured("grad_max_abs");

    /// <summary>How far the first step of AdamW may carry each weight apart: it divides by the gradient's own size, so that a small gradient has no certain sign.</summary>
    private Dictionary<string, double[]> Uncertain()
    {
        double tolerance = GradientTolerance, epsilon = _golden.Setting("eps");
        double factor = GradientNorm.ClipFactor(_golden.Facts.GetProperty("trace_f64")[0][5].GetDouble(), _golden.Setting("clip"));
        double rate = RateCurve.WarmUpThenCosine(0, (long)_golden.Setting("warmup"), (long)_golden.Setting("steps"), _golden.Setting("lr"), _golden.Setting("floor"));
        double Way(double gradient) => rate * gradient / (Math.Abs(gradient) + epsilon);
        return _golden.Golden.Names.Where(name => name.StartsWith("grad.", StringComparison.Ordinal)).ToDictionary(
            name => name["grad.".Length..],
            name => (double[])[.. _golden.Golden[name].Numbers.Select(gradient => Way((gradient + tolerance) * factor) - Way((gradient - tolerance) * factor))]);
    }

    private void CheckGradients(CompiledTrainingSession session)
    {
        Assert.Equal(_golden.Golden.Names.Count(name => name.StartsWith("grad.", StringComparison.Ordinal)), session.Tensors.Count(tensor => tensor.IsTrained));
        foreach (TrainedTensor tensor in session.Tensors.Where(tensor => tensor.IsTrained))
        {
            double[] expected = _golden.Golden["grad." + tensor.Name].Numbers;
            GoldenCheck.Near(expected, [.. tensor.Gradient.ToArray().Select(number => (double)number)], GradientTolerance, tensor.Name);
        }
    }

    private void CheckReport(int step, BatchReport report, double norm)
    {
        double[] golden = [.. _golden.Facts.GetProperty("trace_f64")[step].EnumerateArray().Select(number => number.GetDouble())];
        double tolerance = 2 * _golden.Measured("loss_max_abs");
        GoldenCheck.Near(golden[1..5], [report.Total(Factors()), report.Main, report.Prediction[0], report.Balance], tolerance, $"total, main, prediction and balance loss of step {step}");
        GoldenCheck.Near([golden[5]], [norm], golden[5] * 2 * _golden.Measured("grad_max_rel_norm"), $"gradient norm of step {step}");
    }

    private void Balance(CompiledTrainingSession session, int step, BatchReport report)
    {
        Sinter.Tests.Data.StoredTensor loads = _golden.Golden["load_trace"], biases = _golden.Golden["bias_trace"];
        int layers = loads.Shape[1], experts = loads.Shape[2];
        Assert.Equal([1, 2], session.BalancedLayers.Select(layer => layer.Layer));
        for (int i = 0; i < layers; i++)
        {
            int from = (step * layers + i) * experts;
            Assert.Equal(loads.Integers[from..(from + experts)], report.Loads[i]);
            Span<float> bias = session.BalancedLayers[i].Bias!.Weights;
            RoutingBias.Update<float>(bias, report.Loads[i], _golden.Setting("gamma"));
            GoldenCheck.Near(biases.Numbers[from..(from + experts)], [.. bias.ToArray().Select(number => (double)number)], (step + 1) * Math.Pow(2, -26), $"bias of layer {i} after step {step}");
        }
    }

    private void CheckWeights(CompiledTrainingSession session, string prefix, double measured, Dictionary<string, double[]> uncertain)
    {
        foreach (TrainedTensor tensor in session.Tensors.Where(tensor => tensor.IsTrained))
        {
            double[] expected = _golden.Golden[prefix + tensor.Name].Numbers, allowed = uncertain[tensor.Name];
            float[] weights = tensor.Weights.ToArray();
            for (int i = 0; i < weights.Length; i++)
                Assert.True(Math.Abs(expected[i] - weights[i]) <= 2 * measured + allowed[i], $"{prefix}{tensor.Name}[{i}]: {weights[i]} instead of {expected[i]}");
        }
    }
}
