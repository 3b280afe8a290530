using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;

namespace Sinter.Runtime.Weights;

/// <summary>A tensor found for one slot of the weight table.</summary>
internal sealed record BoundWeight(StoredTensor Tensor, StoredTensor? Scales, WeightFormat Format)
{
    public int Columns => Tensor.Shape.Count == 0 ? 1 : Tensor.Shape[^1];

    public long Bytes => Tensor.ByteCount + (Scales?.ByteCount ?? 0);
}

/// <summary>Finds a tensor for every slot that a model declares, or says what is wrong; reads no numbers.</summary>
internal sealed class WeightBinding
{
    private const int BlockSide = 128;
    private const string ScaleSuffix = "_scale_inv";

    private readonly ModelDescription _description;
    private readonly Checkpoint _checkpoint;
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);

    private WeightBinding(ModelDescription description, Checkpoint checkpoint)
    {
        _description = description;
        _checkpoint = checkpoint;
        Weights = new BoundWeight?[description.Weights.Select(EndSlot).DefaultIfEmpty(0).Max()];
    }

    /// <summary>By slot; null for the slots of multi-token prediction where the checkpoint has none.</summary>
    public BoundWeight?[] Weights { get; }

    public bool Predicts { get; private set; }

    public static WeightBinding Bind(ModelDescription description, Checkpoint checkpoint)
    {
        var binding = new WeightBinding(description, checkpoint);
        Dictionary<int, StoredTensor> found = binding.Find();
        foreach (WeightDeclaration declaration in description.Weights) binding.CheckShapes(declaration, found);
        foreach (WeightDeclaration declaration in description.Weights) binding.BindAll(declaration, found);
        foreach (WeightDeclaration declaration in description.Weights) binding.RequireOneFormat([declaration]);
        foreach (IReadOnlyList<string> names in description.SameFormat)
            binding.RequireOneFormat([.. description.Weights.Where(declaration => names.Contains(declaration.Name))]);
        binding.RejectExtra();
        return binding;
    }

    public static int Blocks(int side) => (side + BlockSide - 1) / BlockSide;

    private Dictionary<int, StoredTensor> Find()
    {
        var found = new Dictionary<int, StoredTensor>();
        List<Place> missing = [], missingPrediction = [];
        int ownPrediction = 0;
        foreach (Place place in _description.Weights.SelectMany(Places))
        {
            WeightDeclaration declaration = place.Declaration;
            if (_checkpoint.Tensors.TryGetValue(place.Name, out StoredTensor? tensor))
            {
                if (declaration.Predicts) ownPrediction++;
            }
            else if (declaration.Otherwise is null || !_checkpoint.Tensors.TryGetValue(place.Named(declaration.Otherwise), out tensor))
            {
                (declaration.Predicts ? missingPrediction : missing).Add(place);
                continue;
            }

            found.Add(place.Slot, tensor);
            _used.Add(tensor.Name);
        }

        if (missing.Count > 0) throw Missing(missing, $", which the model {_description.Name} wants");
        if (missingPrediction.Count > 0 && ownPrediction > 0)
            throw Missing(missingPrediction, $", while others of multi-token prediction are there: the model {_description.Name} takes all of them or none");
        Predicts = _description.Predicts && missingPrediction.Count == 0;
        if (missingPrediction.Count > 0)
            foreach (Place place in _description.Weights.Where(declaration => declaration.Predicts).SelectMany(Places)) found.Remove(place.Slot);
        return found;
    }

    private SinterException Missing(List<Place> places, string reason)
    {
        string others = places.Count switch { 1 => "", 2 => "; another one is missing", _ => $"; {places.Count - 1} others are missing" };
        return new SinterException(
            $"{_checkpoint.Listing}: tensor {Wording.Quote(places[0].Name)} of shape {Wording.Shape(places[0].Declaration.Shape)} is missing{reason}{others}.");
    }

    private void CheckShapes(WeightDeclaration declaration, Dictionary<int, StoredTensor> found)
    {
        foreach (Place place in Places(declaration))
        {
            if (found.TryGetValue(place.Slot, out StoredTensor? tensor) && !tensor.Shape.SequenceEqual(declaration.Shape))
                throw Wrong(tensor, $"has shape {Wording.Shape(tensor.Shape)}, but the model {_description.Name} wants {Wording.Shape(declaration.Shape)}");
        }
    }

    private void BindAll(WeightDeclaration declaration, Dictionary<int, StoredTensor> found)
    {
        foreach (Place place in Places(declaration))
            if (found.TryGetValue(place.Slot, out StoredTensor? tensor)) Weights[place.Slot] = BindOne(tensor);
    }

    private BoundWeight BindOne(StoredTensor tensor)
    {
        WeightFormat format = tensor.Type switch
        {
            ElementType.F32 => WeightFormat.F32,
            ElementType.BF16 => WeightFormat.BF16,
            ElementType.F16 => WeightFormat.F16,
            ElementType.F8_E4M3 => WeightFormat.E4M3,
            _ => throw Wrong(tensor, $"is stored as {tensor.Type}; a weight must be F32, BF16, F16 or F8_E4M3"),
        };
        string scaleName = tensor.Name + ScaleSuffix;
        _checkpoint.Tensors.TryGetValue(scaleName, out StoredTensor? scales);
        if (format != WeightFormat.E4M3)
        {
            if (scales is not null) throw Wrong(scales, $"gives block scales for {Wording.Quote(tensor.Name)}, which is stored as {tensor.Type} and takes none");
            return new BoundWeight(tensor, null, format);
        }

        if (tensor.Shape.Count != 2) throw Wrong(tensor, "is stored as F8_E4M3, which only matrices may be");
        int[] wanted = [Blocks(tensor.Shape[0]), Blocks(tensor.Shape[1])];
        if (scales is null)
            throw new SinterException($"{tensor.File}: tensor {Wording.Quote(scaleName)} is missing; {Wording.Quote(tensor.Name)} is stored as F8_E4M3 and needs its block scales, F32 of shape {Wording.Shape(wanted)}.");
        if (scales.Type != ElementType.F32) throw Wrong(scales, $"is stored as {scales.Type}; block scales must be F32");
        if (!scales.Shape.SequenceEqual(wanted))
            throw Wrong(scales, $"has shape {Wording.Shape(scales.Shape)}, but the {BlockSide}×{BlockSide} blocks of {Wording.Quote(tensor.Name)} want {Wording.Shape(wanted)}");
        _used.Add(scaleName);
        return new BoundWeight(tensor, scales, format);
    }

    /// <summary>A kernel is compiled for one format, and takes all that these declarations have in a layer.</summary>
    private void RequireOneFormat(IReadOnlyList<WeightDeclaration> declarations)
    {
        var first = new Dictionary<int, BoundWeight>();
        foreach (Place place in declarations.SelectMany(Places))
        {
            if (Weights[place.Slot] is not { } weight) continue;
            BoundWeight other = first.TryAdd(place.Layer, weight) ? weight : first[place.Layer];
            if (other.Format != weight.Format)
                throw Wrong(weight.Tensor, $"is stored as {weight.Tensor.Type}, but {Wording.Quote(other.Tensor.Name)} as {other.Tensor.Type}; the two must have one format");
        }
    }

    private void RejectExtra()
    {
        int layersEnd = _description.Weights.Where(declaration => declaration.Name.Contains("{layer}", StringComparison.Ordinal))
            .Select(declaration => declaration.FirstLayer + declaration.Layers).DefaultIfEmpty(0).Max();
        List<string> extra = [.. _checkpoint.Tensors.Keys.Where(name => !_used.Contains(name) && !IsLeftOver(name, layersEnd)).Order(StringComparer.Ordinal)];
        if (extra.Count == 0) return;
        string what = extra.Count == 1 ? "a tensor" : $"{extra.Count} tensors";
        throw new SinterException($"{_checkpoint.Listing}: the checkpoint holds {what} that the model {_description.Name} does not declare: {Wording.FirstFew(extra)}.");
    }

    private static bool IsLeftOver(string name, int layersEnd)
    {
        if (name.Contains(".rotary_emb.", StringComparison.Ordinal)) return true;
        string[] parts = name.Split('.');
        int layers = Array.IndexOf(parts, "layers");
        return layers >= 0 && layers + 1 < parts.Length
            && int.TryParse(parts[layers + 1], NumberStyles.None, CultureInfo.InvariantCulture, out int layer) && layer >= layersEnd;
    }

    private static SinterException Wrong(StoredTensor tensor, string what) =>
        new($"{tensor.File}: tensor {Wording.Quote(tensor.Name)} {what}.");

    private static int EndSlot(WeightDeclaration declaration) =>
        declaration.Slot + declaration.Layers * Math.Max(declaration.Experts, 1);

    private static IEnumerable<Place> Places(WeightDeclaration declaration)
    {
        int slot = declaration.Slot;
        for (int layer = 0; layer < declaration.Layers; layer++)
            for (int expert = 0; expert < Math.Max(declaration.Experts, 1); expert++)
                yield return new Place(declaration, declaration.FirstLayer + layer, expert, slot++);
    }

    /// <summary>One tensor that a declaration asks for.</summary>
    private readonly record struct Place(WeightDeclaration Declaration, int Layer, int Expert, int Slot)
    {
        public string Name => Named(Declaration.Name);

        public string Named(string pattern) => pattern
            .Replace("{layer}", Layer.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
            .Replace("{expert}", Expert.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
    }
}
