using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Reports;

/// <summary>Lists the stored tensors of a model, each once, with what it serves.</summary>
public static class TakeInventory
{
    public static EquatableArray<StoredGroup> Of(ModelGraph model)
    {
        var groups = new List<StoredGroup>();
        foreach (Region region in model.Main) Add(groups, region, predicts: false);
        if (model.Prediction is { } prediction) Add(groups, prediction with { EndLayer = prediction.FirstLayer + model.PredictionDepth }, predicts: true);
        return groups.ToEquatable();
    }

    private static void Add(List<StoredGroup> groups, Region region, bool predicts)
    {
        int layers = region.IsRepeated ? region.EndLayer - region.FirstLayer : 1;
        var roles = new Roles(region);
        var known = new HashSet<string>();
        for (int i = 0; i < region.Graph.Nodes.Count; i++)
        {
            if (region.Graph.Nodes[i] is not Weight weight || !known.Add(weight.Tensor.Name)) continue;

            // The same tensor of other layers is counted with their own region; one outside the layers is there once.
            bool isPerLayer = region.IsRepeated && weight.Tensor.Name.Contains("{layer}");
            bool isInMain = !isPerLayer && groups.Any(group => !group.Predicts && group.Tensor.Name == weight.Tensor.Name);
            if (isInMain && !predicts) continue;
            groups.Add(new StoredGroup(
                weight.Tensor,
                roles.PartOf(i, weight),
                isPerLayer ? layers : 1,
                weight.Tensor.Experts > 0 ? roles.Chosen(weight) : 0,
                predicts,
                IsShared: isInMain || (predicts && weight.Tensor.Otherwise is not null)));
        }
    }

    /// <summary>Where the values of a region lead to.</summary>
    private sealed class Roles
    {
        private readonly Region _region;
        private readonly List<Axis> _heads = [];
        private readonly List<Choose> _choices;
        private readonly HashSet<int> _towardsScores;
        private readonly HashSet<int> _pastAttention;
        private readonly HashSet<int> _towardsChoices;
        private readonly HashSet<int> _towardsLogits;

        public Roles(Region region)
        {
            _region = region;
            EquatableArray<Node> nodes = region.Graph.Nodes;
            var scores = new List<int>();
            var attended = new List<int>();
            for (int i = 0; i < nodes.Count; i++)
            {
                if (nodes[i] is Softmax { Over.Extent: Extent.Positions } softmax)
                {
                    scores.Add(i);
                    _heads.AddRange(softmax.Axes.Where(axis => axis.Extent == Extent.Fixed));
                }
                else if (nodes[i].Operands.Any(scores.Contains))
                {
                    attended.Add(i);
                }
            }

            _choices = [.. nodes.OfType<Choose>()];
            _towardsScores = Sources(scores);
            _pastAttention = Sources(region.Graph.Outputs.Select(output => output.Node), attended);
            _towardsChoices = Sources(Enumerable.Range(0, nodes.Count).Where(i => nodes[i] is Choose));
            _towardsLogits = Sources(region.Graph.Outputs.Where(output => output.Name == "logits").Select(output => output.Node));
        }

        public ModelPart PartOf(int place, Weight weight)
        {
            if (weight.Tensor.Experts > 0) return ModelPart.RoutedExperts;
            if (weight.Index >= 0) return ModelPart.Embedding;
            if (_towardsChoices.Contains(place) && _choices.Any(choice => weight.Axes.Contains(choice.Among))) return ModelPart.Router;
            if (weight.Tensor.Shape.Count == 1) return ModelPart.Norms;

            // Attention's own: with a head's axis, or without any way to the outputs but through the weighted sum of values.
            if (weight.Axes.Any(_heads.Contains)) return ModelPart.Attention;
            if (_towardsScores.Contains(place)) return _pastAttention.Contains(place) ? ModelPart.Other : ModelPart.Attention;
            if (_towardsLogits.Contains(place) && weight.Axes.Any(IsVocabulary)) return ModelPart.Head;
            return _choices.Count > 0 ? ModelPart.SharedExperts : ModelPart.Dense;
        }

        /// <summary>How many experts the choice that indexes a weight takes.</summary>
        public int Chosen(Weight weight) =>
            (int)_region.Graph.Nodes[weight.Index].Axes.Where(axis => axis.Extent == Extent.Fixed).Aggregate(1L, (product, axis) => product * axis.Size);

        private bool IsVocabulary(Axis axis) =>
            _region.Graph.Outputs.Any(output => output.Name == "logits" && _region.Graph.Nodes[output.Node].Axes.Contains(axis));

        /// <summary>The values that some values come from, themselves included, without going through barred ones.</summary>
        private HashSet<int> Sources(IEnumerable<int> values, ICollection<int>? barred = null)
        {
            var sources = new HashSet<int>();
            var open = new Stack<int>(values);
            while (open.Count > 0)
            {
                int value = open.Pop();
                if (barred?.Contains(value) == true || !sources.Add(value)) continue;
                foreach (int operand in _region.Graph.Nodes[value].Operands) open.Push(operand);
            }

            return sources;
        }
    }
}
