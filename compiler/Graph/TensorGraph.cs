namespace Sinter.Compiler.Graph;

/// <summary>A straight list of values, each made from earlier ones.</summary>
public sealed record TensorGraph(EquatableArray<Node> Nodes, EquatableArray<Output> Outputs, EquatableArray<Trace> Traces);

/// <summary>A value that the region hands on, under the name that the next region's input has.</summary>
public sealed record Output(string Name, int Node);

/// <summary>A value that the model lets be seen: <c>trace router.topk_idx = chosen[t,k]</c>.</summary>
public sealed record Trace(string Name, int Node);

/// <summary>
/// A part of the model that runs for layers <paramref name="FirstLayer"/> up to, but not including,
/// <paramref name="EndLayer"/>, its outputs being the next round's inputs; a part outside the layers runs once and has
/// the range -1 .. 0.
/// </summary>
/// <param name="Name">Readable, such as «embedding», «layers 0..3», «head», «prediction».</param>
public sealed record Region(string Name, int FirstLayer, int EndLayer, TensorGraph Graph)
{
    public bool IsRepeated => FirstLayer >= 0;
}

/// <summary>What a layer keeps of every token.</summary>
public sealed record CacheSpecification(string Name, int Width);

/// <summary>A name of config.json with the value the model binds it to; numbers in invariant culture, <c>null</c> for none.</summary>
public sealed record Binding(string Name, string Value);

/// <summary>
/// A whole model in the tensor algebra. <paramref name="Main"/> runs in order from input <c>token</c> (indices, [t]) to
/// outputs <c>hidden</c> [t,d] and <c>logits</c> [t,v]; <paramref name="Prediction"/> takes <c>hidden</c> and
/// <c>next</c> and gives <c>logits</c> and, if it can be applied again, <c>hidden</c> in the place of what it took.
/// </summary>
public sealed record ModelGraph(
    string Name,
    string Architecture,
    EquatableArray<string> ModelTypes,
    EquatableArray<Binding> Config,
    int Layers,
    EquatableArray<Region> Main,
    Region? Prediction,
    EquatableArray<CacheSpecification> Caches)
{
    /// <summary>How many layers of prediction the checkpoint has, each for a token further on; what runs a model uses the first.</summary>
    public int PredictionDepth { get; init; } = 1;
}
