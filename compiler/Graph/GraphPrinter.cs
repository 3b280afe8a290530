using System.Text;

namespace Sinter.Compiler.Graph;

/// <summary>Writes a graph, one line a value: its equation.</summary>
public static class GraphPrinter
{
    public static string Print(ModelGraph model)
    {
        var text = new StringBuilder();
        text.Append($"model {model.Name} = {model.Architecture}, {model.Layers} layers\n");
        foreach (CacheSpecification cache in model.Caches) text.Append($"cache {cache.Name}: {cache.Width} numbers a token and layer\n");
        foreach (Region region in model.Main) text.Append('\n').Append(Print(region));
        if (model.Prediction is { } prediction) text.Append('\n').Append(Print(prediction));
        return text.ToString();
    }

    public static string Print(Region region) => $"region {region.Name}\n{Print(region.Graph)}";

    public static string Print(TensorGraph graph)
    {
        var text = new StringBuilder();
        for (int i = 0; i < graph.Nodes.Count; i++) text.Append($"  {Equations.Of(graph, i)}\n");
        foreach (Output output in graph.Outputs) text.Append($"  output {output.Name} = {Equations.Reference(graph, output.Node)}\n");
        foreach (Trace trace in graph.Traces) text.Append($"  trace {trace.Name} = {Equations.Reference(graph, trace.Node)}\n");
        return text.ToString();
    }
}
