using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Binding;
using Sinter.Compiler.Graph;
using Xunit;

namespace Sinter.Compiler.Tests.FrontEnd;

/// <summary>Builds graphs from pieces of text.</summary>
internal static class Described
{
    public const string Config = """
        config {
          axis v = 7
          axis d = 6
          axis h = 2
          axis n = 3
          axis r = 4
          axis c = 5
          axis e = 4
          axis k = 2
          axis f = 5
          axis absent = none
          layers = 3
          rope = rotary(r, base: 100)
        }

        """;

    /// <summary>A model whose block has these statements, over x[t,d], and gives y with these axes.</summary>
    public static ModelGraph Block(string statements, string result = "y[t,d]", string others = "") => Model($$"""
        {{Config}}
        {{others}}
        block Body(x[t,d]) -> {{result}} {
        {{statements}}
        }

        architecture Tiny {
          model(token[t] in v) -> {{result}} {
            x[t,d] = model.embed.weight[token[t], d]
            {{result}} = block.Body(x[t,d])
          }
        }

        model Tried = Tiny { }
        """);

    public static ModelGraph Model(string text)
    {
        BoundFile bound = ModelBinder.Bind("tried.sinter", text, _ => null);
        Assert.Equal("", string.Join("\n", bound.Diagnostics));
        BuiltGraph built = GraphBuilder.Build(Assert.Single(bound.Models));
        Assert.Equal("", string.Join("\n", built.Diagnostics));
        return built.Graph!;
    }

    /// <summary>The lines of the printed graph that define nodes, without those that start alike in every tried model.</summary>
    public static string[] Lines(ModelGraph graph) =>
        [.. GraphPrinter.Print(graph.Main[0].Graph).Split('\n').Select(line => line.Trim())
            .Where(line => line.Length > 0 && !line.StartsWith("token[t]", System.StringComparison.Ordinal) && !line.StartsWith("model.embed", System.StringComparison.Ordinal))];

    public static IReadOnlyList<Node> Nodes(ModelGraph graph) => [.. graph.Main[0].Graph.Nodes];
}
