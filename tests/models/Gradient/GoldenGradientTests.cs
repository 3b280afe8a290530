using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using Sinter.Compiler.Passes.Differentiation;
using Sinter.Models.Tests.Golden;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Models.Tests.Gradient;

/// <summary>
/// The gradients of DeepSeek-V3's description, in double precision, against PyTorch's autograd in float32. Allowed is what
/// float32 and float64 were apart there.
/// </summary>
public sealed class GoldenGradientTests
{
    private readonly MicroTraining _golden = new();
    private readonly TrainedWeights _weights = new(new CheckpointFolder(Repository.Checkpoint(MicroTraining.Name)));
    private readonly TrainingGraph _training = DifferentiateModel.Run(MicroTraining.Model(), balanced: "s");

    [Fact]
    public void Every_weight_has_the_gradient_of_the_whole_objective()
    {
        BatchStep step = _golden.Run(_training, _weights, 0, _golden.Setting("mtp_lambda"), _golden.Setting("balance_alpha"));
        Assert.Equal(Names("grad."), step.Gradients.Keys.Order());
        Check(step, "grad.", _golden.Measured("grad_max_abs"));
    }

    [Fact]
    public void The_main_loss_alone_has_the_gradients_that_transformers_gives()
    {
        BatchStep step = _golden.Run(_training, _weights, 0, prediction: 0, balance: 0);

        // From float64 to float32, and from there to the other program.
        Check(step, "grad_main_only.", _golden.Measured("grad_max_abs") + _golden.Measured("hf_main_grad_max_abs"));
        Assert.All(step.Gradients.Keys.Except(Names("grad_main_only.")), name => Assert.All(step.Gradients[name], number => Assert.Equal(0, number)));
    }

    [Fact]
    public void Each_loss_is_the_one_reported()
    {
        BatchStep step = _golden.Run(_training, _weights, 0, prediction: 0, balance: 0);
        JsonElement golden = _golden.Facts.GetProperty("first_step_f64");
        Assert.Equal(golden.GetProperty("main").GetDouble(), step.Losses[Objective.Main], _golden.Measured("loss_max_abs"));
        Assert.Equal(golden.GetProperty("mtp").GetDouble(), step.Losses[Objective.Prediction], _golden.Measured("loss_max_abs"));
        Assert.Equal(golden.GetProperty("aux").GetDouble(), step.Losses[Objective.Balance], _golden.Measured("loss_max_abs"));
    }

    private void Check(BatchStep step, string prefix, double tolerance)
    {
        foreach (string name in Names(prefix)) GoldenCheck.Near(_golden.Golden[prefix + name].Numbers, step.Gradients[name], tolerance, prefix + name);
    }

    private IEnumerable<string> Names(string prefix) =>
        _golden.Golden.Names.Where(name => name.StartsWith(prefix, System.StringComparison.Ordinal)).Select(name => name[prefix.Length..]).Order();
}
