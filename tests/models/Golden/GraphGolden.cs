using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Tests.Data;
using Sinter.Tests.Reference;
using Xunit;

namespace Sinter.Models.Tests.Golden;

/// <summary>
/// A model graph in the reference evaluator against everything that the golden values of a checkpoint say. Traces of the graph:
/// <c>hidden</c> after the embedding (layer -1) and each layer, <c>router.topk_idx</c>, <c>router.topk_weight</c>.
/// </summary>
internal sealed class GraphGolden(string name, ModelGraph graph)
{
    private readonly GoldenValues _golden = new(name);
    private readonly CheckpointFolder _checkpoint = new(Repository.Checkpoint(name));

    private int Sequences => _golden.Tensors["input_ids"].Shape[0];

    public void CheckPrefill()
    {
        for (int sequence = 0; sequence < Sequences; sequence++)
        {
            Evaluation result = new GraphEvaluator(graph, _checkpoint).Run(_golden.Tokens("input_ids", sequence));
            NearHidden("prefill.hidden.0", sequence, result.Traced("hidden", -1));
            for (int layer = 0; layer < graph.Layers; layer++)
            {
                CheckRouter(result, sequence, layer);
                NearHidden($"prefill.hidden.{layer + 1}", sequence, result.Traced("hidden", layer));
            }

            Near("prefill.final_norm", sequence, result.Outputs["hidden"]);
            Near("prefill.logits", sequence, result.Outputs["logits"]);
        }
    }

    /// <summary>Through the cache: some tokens at once, then one by one. In exact arithmetic that changes nothing.</summary>
    public void CheckDecoding()
    {
        for (int sequence = 0; sequence < Sequences; sequence++)
        {
            int[] tokens = _golden.Tokens("input_ids", sequence);
            var evaluator = new GraphEvaluator(graph, _checkpoint);
            double[] logits =
            [
                .. evaluator.Run(tokens[.._golden.DecodeFrom]).Outputs["logits"].Numbers,
                .. tokens[_golden.DecodeFrom..].SelectMany(token => evaluator.Run(token).Outputs["logits"].Numbers),
            ];
            GoldenCheck.Near(_golden.Part("decode.logits", sequence, Sequences).Numbers, logits, _golden.Tolerance, $"{name}, decode.logits");
        }
    }

    public void CheckPrediction()
    {
        for (int sequence = 0; sequence < Sequences; sequence++)
        {
            var evaluator = new GraphEvaluator(graph, _checkpoint);
            NamedArray hidden = evaluator.Run(_golden.Tokens("input_ids", sequence)).Outputs["hidden"];
            Near("mtp.logits", sequence, evaluator.Predict(hidden, _golden.Tokens("mtp.next_ids", sequence)).Outputs["logits"]);
        }
    }

    public static void CheckFP8(ModelGraph graph)
    {
        var golden = new FP8Golden();
        var evaluator = new GraphEvaluator(graph, new CheckpointFolder(Repository.Checkpoint(FP8Golden.Name)));
        Evaluation main = evaluator.Run(golden.Tensors["input_ids"].Integers);
        GoldenCheck.Near(golden.Tensors["dequant.logits"].Numbers, main.Outputs["logits"].Numbers, golden.Dequantised, "FP8");
        NamedArray predicted = evaluator.Predict(main.Outputs["hidden"], golden.Tensors["mtp.next_ids"].Integers).Outputs["logits"];
        GoldenCheck.Near(golden.Tensors["dequant.mtp_logits"].Numbers, predicted.Numbers, golden.Dequantised, "FP8, multi-token prediction");
    }

    /// <summary>Losses over a few hundred logits, known in float64: they leave a mistake less room than single logits do.</summary>
    public static void CheckFirstLosses(ModelGraph graph)
    {
        var golden = new MicroGolden();
        var checkpoint = new CheckpointFolder(Repository.Checkpoint(MicroGolden.Name));
        double main = 0, prediction = 0;
        for (int sequence = 0; sequence < MicroGolden.Sequences; sequence++)
        {
            var evaluator = new GraphEvaluator(graph, checkpoint);
            Evaluation result = evaluator.Run(golden.Tokens(sequence, 0));
            Evaluation predicted = evaluator.Predict(result.Outputs["hidden"], golden.Tokens(sequence, 1));
            main += MicroGolden.CrossEntropy(result.Outputs["logits"].Numbers, golden.Tokens(sequence, 1)) / MicroGolden.Sequences;
            prediction += MicroGolden.CrossEntropy(predicted.Outputs["logits"].Numbers, golden.Tokens(sequence, 2)) / MicroGolden.Sequences;
        }

        Assert.Equal(golden.MainLoss, main, golden.Tolerance);
        Assert.Equal(golden.PredictionLoss, prediction, golden.Tolerance);
    }

    private void CheckRouter(Evaluation result, int sequence, int layer)
    {
        if (!_golden.Tensors.Has($"prefill.router.{layer}.topk_idx")) return;
        NamedArray chosen = result.Traced("router.topk_idx", layer);
        (int[] indices, double[] weights) = GoldenCheck.Sorted(
            chosen.Integers, result.Traced("router.topk_weight", layer).Numbers, chosen.Sizes[^1]);
        Assert.Equal(_golden.Part($"prefill.router.{layer}.topk_idx", sequence, Sequences).Integers, indices);
        GoldenCheck.Near(
            _golden.Part($"prefill.router.{layer}.topk_weight", sequence, Sequences).Numbers, weights, _golden.Tolerance, $"{name}, router {layer}");
    }

    private void NearHidden(string tensor, int sequence, NamedArray actual) => GoldenCheck.NearHidden(
        _golden.Part(tensor, sequence, Sequences).Numbers, actual.Numbers, actual.Sizes[^1], _golden.Tolerance, $"{name}, {tensor}");

    private void Near(string tensor, int sequence, NamedArray actual) =>
        GoldenCheck.Near(_golden.Part(tensor, sequence, Sequences).Numbers, actual.Numbers, _golden.Tolerance, $"{name}, {tensor}");
}
