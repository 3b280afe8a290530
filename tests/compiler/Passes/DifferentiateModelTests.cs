using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Passes.Differentiation;
using Sinter.Tests.Data;
using Sinter.Tests.Reference;
using Xunit;

namespace Sinter.Compiler.Tests.Passes;

/// <summary>Regions composed: a small model whose first value is read by every layer and by the head, against differences.</summary>
public sealed class DifferentiateModelTests
{
    private const int Entries = 5, Width = 3;
    private static readonly int[] s_tokens = [0, 3, 1, 1, 4, 2];
    private static readonly Dictionary<string, double> s_worths = new() { [Objective.Main] = 0.7, [Objective.Prediction] = 0.4 };

    [Fact]
    public void Gradients_of_all_regions_agree_with_differences()
    {
        TrainingGraph training = DifferentiateModel.Run(Model());
        var weights = new FewWeights();
        IReadOnlyDictionary<string, double[]> gradients = TrainingEvaluator.Run(training, weights, s_tokens, s_worths).Gradients;
        Assert.Equal(["embedding", "head", "layers.0.mix", "layers.1.mix", "layers.2.mix"], gradients.Keys.Order(StringComparer.Ordinal));

        double Loss() => TrainingEvaluator.Run(training, weights, s_tokens, s_worths).Losses.Sum(loss => s_worths[loss.Key] * loss.Value);
        foreach ((string name, double[] gradient) in gradients)
        {
            double[] numbers = weights.Find(name)!.Numbers;
            for (int i = 0; i < numbers.Length; i++)
            {
                double number = numbers[i];
                double At(double by)
                {
                    numbers[i] = number + by;
                    return Loss();
                }

                // Off by the fifth derivative times Step⁴, and by rounding, 1e-16 / Step.
                const double Step = 1e-3;
                double slope = (8 * (At(Step) - At(-Step)) - (At(2 * Step) - At(-2 * Step))) / (12 * Step);
                numbers[i] = number;
                Assert.InRange(Math.Abs(gradient[i] - slope), 0, 1e-10);
            }
        }
    }

    [Fact]
    public void The_last_region_comes_first()
    {
        TrainingGraph training = DifferentiateModel.Run(Model());
        Assert.Equal(["embedding", "layers 0..2", "head", "prediction"], training.Forward.Select(region => region.Name));
        Assert.Equal(training.Forward.Reverse().Select(region => (region.FirstLayer, region.EndLayer)), training.Backward.Select(region => (region.FirstLayer, region.EndLayer)));
    }

    [Fact]
    public void A_balance_of_scores_that_no_layer_has_is_refused()
    {
        ArgumentException refused = Assert.Throws<ArgumentException>(() => DifferentiateModel.Run(Model(), balanced: "s"));
        Assert.Contains("'s'", refused.Message);
    }

    private static ModelGraph Model()
    {
        (string, int)[] axes = [("v", Entries), ("d", Width), ("f", Width)];
        var embedding = new Sketch(axes);
        int token = embedding.Input("token", "t", isIndex: true);
        int row = embedding.Add(new Weight("row", embedding.Axes("t,d"), Tensor("embedding"), 0, new[] { 0, 1 }.ToEquatable(), token, Width));

        var layer = new Sketch(axes);
        int x = layer.Input("x", "t,d"), first = layer.Input("first", "t,d");
        int mixed = layer.Product("mixed", "t,f", x, layer.Weight("layers.{layer}.mix", "f,d"));
        int bent = layer.Map("bent", "t,f", new Unary(UnaryOperator.Tanh, new Argument(0)), mixed);
        int renamed = layer.Add(new Rename("renamed", layer.Axes("t,d"), bent, layer.Axis("f"), layer.Axis("d")));
        int next = layer.Map("next", "t,d", Sum, renamed, first);

        var head = new Sketch(axes);
        int last = head.Input("x", "t,d"), again = head.Input("first", "t,d");
        int hidden = head.Map("hidden", "t,d", new Binary(BinaryOperator.Multiply, new Argument(0), new Argument(1)), last, again);
        int logits = head.Product("logits", "t,v", hidden, head.Weight("head", "v,d"));

        // Reads the hidden state under an axis of its own, and copies of embedding and head that are not stored.
        var prediction = new Sketch(axes);
        int before = prediction.Input("hidden", "t,f"), following = prediction.Input("next", "t", isIndex: true);
        int copy = prediction.Add(new Weight("copy", prediction.Axes("t,d"), Tensor("layers.{layer}.copy", "embedding"), 0, new[] { 0, 1 }.ToEquatable(), following, Width));
        int joined = prediction.Product("joined", "t,d", before, copy, prediction.Weight("layers.{layer}.mix", "f,d"));
        int shared = prediction.Add(new Weight("shared", prediction.Axes("v,d"), Tensor("layers.{layer}.head", "head"), 0, new[] { Width, 1 }.ToEquatable()));
        int foreseen = prediction.Product("logits", "t,v", joined, shared);

        Region[] main =
        [
            new Region("embedding", -1, 0, embedding.Graph(("first", row), ("x", row))),
            new Region("layers 0..2", 0, 2, layer.Graph(("x", next))),
            new Region("head", -1, 0, head.Graph(("hidden", hidden), ("logits", logits))),
        ];
        return new ModelGraph("Small", "Small", default, default, 2, main.ToEquatable(), new Region("prediction", 2, 3, prediction.Graph(("logits", foreseen))), default);
    }

    private static Scalar Sum => new Binary(BinaryOperator.Add, new Argument(0), new Argument(1));

    private static WeightTensor Tensor(string name, string? otherwise = null) => new(name, new[] { Entries, Width }.ToEquatable(), Otherwise: otherwise);

    private sealed class FewWeights : IWeightSource
    {
        private readonly Dictionary<string, StoredTensor> _tensors = [];

        public FewWeights()
        {
            var random = new Random(5);
            foreach ((string name, int rows) in new[] { ("embedding", Entries), ("head", Entries), ("layers.0.mix", Width), ("layers.1.mix", Width), ("layers.2.mix", Width) })
                _tensors[name] = new StoredTensor("F64", [rows, Width], [.. Enumerable.Range(0, rows * Width).Select(_ => 2 * random.NextDouble() - 1)]);
        }

        public StoredTensor? Find(string name) => _tensors.GetValueOrDefault(name);
    }
}
