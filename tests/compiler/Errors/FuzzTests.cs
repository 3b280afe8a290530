using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using Sinter.Compiler.Binding;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Syntax;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Compiler.Tests.Errors;

/// <summary>However broken a description is, the compiler says so and returns: it neither throws, nor hangs, nor runs out of stack.</summary>
public sealed class FuzzTests
{
    private static readonly string s_models = Path.Combine(Repository.Root, "models");

    private static readonly Dictionary<string, string> s_samples = Directory
        .GetFiles(s_models, "*.sinter", SearchOption.AllDirectories)
        .ToDictionary(file => ImportPath(file), File.ReadAllText);

    private static readonly Dictionary<string, ParsedFile> s_parsed =
        s_samples.ToDictionary(sample => sample.Key, sample => ModelGrammar.Parse(sample.Key, sample.Value));

    private static readonly string[] s_fragments =
    [
        "(", ")", "[", "]", "{", "}", ",", "=", "*", "/", "+", "-", "^", "?", ":", "..", ".", "'", "\"", "//", "/*", "*/", "\n", "->",
        "x[t,d]", "w.weight[h*(n+r),d]", "none", "has q", "or", "and", "not", "true", "1e308", "1e999", "0", "-1", "2147483647", "0.5",
        "repeat i in 0 .. 9999999 {", "if true {", "else", "cache a[s,c] =", "trace a =", "block", "function", "model", "architecture A {",
        "top_k[e](", "concat(", "softmax[s](", "rope(", "mean[d](", "experts[chosen[t,k]].SwiGlu(", "width", "in v", "index", "layers",
        "import \"deepseek_v3.sinter\"", "train {", "parallel {", "stage a {", "hold", "cosine to", "until 10T tokens", "1x128", "\0", "é", "😀",
    ];

    [Theory]
    [InlineData("tiny_trained.sinter", 400)]
    [InlineData("deepseek_v3.sinter", 400)]
    [InlineData("parts/latent_attention.sinter", 400)]
    [InlineData("parts/experts.sinter", 300)]
    [InlineData("deepseek_v2.sinter", 300)]
    public void Survives_mutations(string sample, int rounds)
    {
        var random = new Random(sample.Length);
        LimitedThread.Run(() =>
        {
            for (int round = 0; round < rounds; round++)
            {
                string text = Mutate(s_samples[sample], random, 1 + random.Next(4));
                Compile(sample, text);
            }
        });
    }

    [Fact]
    public void Survives_random_text()
    {
        var random = new Random(5);
        LimitedThread.Run(() =>
        {
            for (int round = 0; round < 3000; round++)
            {
                var text = new StringBuilder();
                int length = random.Next(60);
                for (int i = 0; i < length; i++)
                {
                    if (random.Next(3) == 0) text.Append((char)random.Next(random.Next(2) == 0 ? 128 : 0xd800));
                    else text.Append(s_fragments[random.Next(s_fragments.Length)]).Append(' ');
                }

                Compile("random.sinter", text.ToString());
            }
        });
    }

    [Theory]
    [InlineData("(", ")")]
    [InlineData("-", "")]
    [InlineData("not ", "")]
    [InlineData("true ? 1 : ", "")]
    [InlineData("log(", ")")]
    [InlineData("x[", "]")]
    [InlineData("x[t,d] + ", "")]
    [InlineData("x[t,d] * ", "")]
    [InlineData("2 ^ ", "")]
    [InlineData("a.", "")]
    [InlineData("true and ", "")]
    [InlineData("(a or ", ")[d]")]
    public void Survives_what_repeats_without_end(string open, string close)
    {
        foreach (int depth in new[] { 22, 60, 300, 20_000 })
        {
            string value = string.Concat(Enumerable.Repeat(open, depth)) + "x[t,d]" + string.Concat(Enumerable.Repeat(close, depth));
            LimitedThread.Run(() => Compile("deep.sinter", Whole($"y[t,d] = {value}")));
            LimitedThread.Run(() => Compile("deep.sinter", $"config {{ a = {value} }}\n" + Whole("y[t,d] = a * x[t,d]")));
        }
    }

    [Theory]
    [InlineData("if true { ", " }")]
    [InlineData("repeat i in 0 .. 2 { ", " }")]
    [InlineData("if false { } else ", "")]
    public void Survives_statements_in_statements(string open, string close)
    {
        foreach (int depth in new[] { 22, 60, 5_000 })
        {
            string body = string.Concat(Enumerable.Repeat(open, depth)) + "{ y[t,d] = x[t,d] }" + string.Concat(Enumerable.Repeat(close, depth));
            LimitedThread.Run(() => Compile("deep.sinter", Whole(body)));
        }
    }

    private static string Whole(string statements) => $$"""
        config { axis d = 4 axis v = 8 }
        block B(x[t,d]) -> y[t,d] { {{statements}} }
        architecture A { model(token[t] in v) -> y[t,d] { x[t,d] = m.w.weight[token[t],d] y[t,d] = B(x[t,d]) } }
        model M = A { }
        """;

    private static string Mutate(string text, Random random, int times)
    {
        for (int i = 0; i < times && text.Length > 2; i++)
        {
            int at = random.Next(text.Length), length = Math.Min(text.Length - at, 1 + random.Next(random.Next(2) == 0 ? 3 : 60));
            int other = random.Next(text.Length), otherLength = Math.Min(text.Length - other, 1 + random.Next(40));
            text = random.Next(5) switch
            {
                0 => text.Remove(at, length),
                1 => text.Insert(at, s_fragments[random.Next(s_fragments.Length)]),
                2 => text.Remove(at, length).Insert(at, s_fragments[random.Next(s_fragments.Length)]),
                3 => text.Insert(at, text.Substring(other, otherLength)),
                _ => text.Remove(at, 1).Insert(at, ((char)random.Next(32, 127)).ToString()),
            };
        }

        return text;
    }

    /// <summary>Compiles a sample with one file replaced, through the model that uses it, and checks that the spans lie in their files.</summary>
    private static void Compile(string path, string text)
    {
        int Length(string name) => name == path ? text.Length : s_samples[name].Length;
        ParsedFile? replaced = null;
        ParsedFile? Import(string name) => name == path ? replaced ??= ModelGrammar.Parse(path, text) : s_parsed.GetValueOrDefault(name);
        string start = path switch
        {
            "deepseek_v3.sinter" or "parts/latent_attention.sinter" or "parts/experts.sinter" => "tiny_trained.sinter",
            "deepseek_v2.sinter" => "deepseek_v2_lite.sinter",
            _ => path,
        };
        try
        {
            BoundFile bound = ModelBinder.Bind(Import(start)!, Import);
            IEnumerable<DiagnosticInfo> diagnostics = bound.Diagnostics;
            if (bound.Diagnostics.Count == 0) diagnostics = bound.Models.SelectMany(model => Build(model));
            foreach (DiagnosticInfo info in diagnostics.ToList())
            {
                Assert.InRange(info.Span.Start, 0, Length(info.Span.Path));
                Assert.True(Diagnostics.All.ContainsKey(info.Id) && info.Message.Length > 0 && info.Span.Line > 0 && info.Span.Column > 0);
            }
        }
        catch (Exception exception)
        {
            throw new InvalidOperationException($"the compiler failed on:\n{text}", exception);
        }
    }

    private static EquatableArray<DiagnosticInfo> Build(BoundModel model)
    {
        BuiltGraph built = GraphBuilder.Build(model);
        Assert.Equal(built.Diagnostics.Count == 0, built.Graph is not null);
        if (built.Graph is { } graph) GraphPrinter.Print(graph);
        return built.Diagnostics;
    }

    /// <summary>The smallest main stack that .NET programs commonly have.</summary>
    private static string ImportPath(string file) => Path.GetRelativePath(s_models, file).Replace('\\', '/');
}
