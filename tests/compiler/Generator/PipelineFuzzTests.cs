using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using Sinter.Compiler.Binding;
using Sinter.Compiler.Tests.Errors;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Compiler.Tests.Generator;

/// <summary>Whatever the front end lets through, the later stages compile or refuse with a message; sizes never wrap around.</summary>
public sealed partial class PipelineFuzzTests
{
    private static readonly string s_models = Path.Combine(Repository.Root, "models");

    private static readonly Dictionary<string, string> s_files = Directory.GetFiles(s_models, "*.sinter", SearchOption.AllDirectories)
        .ToDictionary(path => Path.GetRelativePath(s_models, path).Replace('\\', '/'), File.ReadAllText);

    private static readonly string[] s_numbers = ["0", "1", "2", "3", "5", "7", "16", "64", "1000", "65536", "1048576", "2147483647", "1e9", "1e15", "0.5", "none", "true"];

    private static readonly string[] s_words =
        ["x[t,d]", "t", "s", "d", "h", "n", "r", "c", "e", "k", "f", "+", "*", "-", "/", "^2", "2", "silu", "relu", "mean[d]", "sum[k]", "softmax[s]", "causal", "rope", "m[t,d]", ","];

    [Theory]
    [InlineData("tiny_trained.sinter", 1)]
    [InlineData("moonlight_16b.sinter", 2)]
    public void Survives_other_numbers(string model, int seed)
    {
        var random = new Random(seed);
        int refused = 0;
        for (int round = 0; round < 80; round++)
        {
            string text = s_files[model];
            for (int change = random.Next(1, 4); change > 0; change--)
            {
                Match[] numbers = Values().Matches(text).ToArray();
                Group value = numbers[random.Next(numbers.Length)].Groups["value"];
                text = text.Remove(value.Index, value.Length).Insert(value.Index, s_numbers[random.Next(s_numbers.Length)]);
            }

            if (!Compile(model, text, s_files)) refused++;
        }

        Assert.InRange(refused, 1, 79);
    }

    [Fact]
    public void Survives_other_words()
    {
        var random = new Random(3);
        string[] parts = ["parts/latent_attention.sinter", "parts/experts.sinter", "parts/swiglu.sinter", "parts/norm.sinter", "deepseek_v3.sinter"];
        for (int round = 0; round < 200; round++)
        {
            string part = parts[random.Next(parts.Length)];
            var files = new Dictionary<string, string>(s_files);
            Match[] words = Words().Matches(files[part]).ToArray();
            Match word = words[random.Next(words.Length)], other = words[random.Next(words.Length)];
            string put = random.Next(2) == 0 ? other.Value : s_words[random.Next(s_words.Length)];
            files[part] = files[part].Remove(word.Index, random.Next(4) == 0 ? 0 : word.Length).Insert(word.Index, put);
            Compile("tiny_trained.sinter", files["tiny_trained.sinter"], files);
        }
    }

    [Fact]
    public void Says_which_value_is_too_wide()
    {
        // No tensor is too large, and still q·k' would have a row of 2^32 numbers.
        const string Text = """
            config { axis v = 8 axis d = 4 axis f = 65536 }
            architecture Wide {
              model(token[t] in v) -> y[t,d] {
                x[t,d]    = embed.weight[token[t], d]
                a[t,f]    = x[t,d] * a.weight[f,d]
                b[t,f]    = x[t,d] * b.weight[f,d]
                w[t,f,f'] = a[t,f] * b[t,f']
                y[t,d]    = x[t,d] + w[t,f,f'] * c.weight[f] * e.weight[f',d]
              }
            }
            model TooWide = Wide { }
            """;
        DiagnosticInfo error = Assert.Single(Compile(new SourceClosure(new SourceFile("wide.sinter", Text), default)).Diagnostics);
        Assert.Equal(
            "wide.sinter(11,7): error SIN0211: a row of w[t,f,f'] would have 4294967296 numbers in TooWide; 536870911 are the most",
            error.ToString());
    }

    /// <summary>Each line uses the one before it several times, or stands so far from the first that a walk back would be too deep.</summary>
    [Theory]
    [InlineData(12, "({0} + 1)^8")]
    [InlineData(40, "silu({0}) * {0} + {0}")]
    [InlineData(40, "{0} - mean[d]({0}) * {0}")]
    [InlineData(3000, "silu({0})")]
    [InlineData(3000, "x[t,d] * mean[d]({0})")]
    [InlineData(300, "softmax[d]({0})")]
    public void Chains_stay_small(int lines, string line)
    {
        IEnumerable<string> statements = Enumerable.Range(1, lines)
            .Select(i => $"a{i}[t,d] = {string.Format(CultureInfo.InvariantCulture, line, $"a{i - 1}[t,d]")}");
        CheckThatItIsSmall($"a0[t,d] = x[t,d] {string.Join("\n", statements)} y[t,d] = a{lines}[t,d]");
    }

    [Fact]
    public void Powers_of_powers_stay_small()
    {
        string power = "x[t,d]";
        for (int i = 0; i < 12; i++) power = $"({power} + 1)^8";
        CheckThatItIsSmall($"y[t,d] = {power}");
    }

    [Fact]
    public void Scores_that_double_with_every_map_are_refused()
    {
        const string Part = "parts/latent_attention.sinter", Scores = "causal(score[t,h,s])";
        string power = "score[t,h,s]";
        for (int i = 0; i < 12; i++) power = $"({power} + 1)^8";
        var files = new Dictionary<string, string>(s_files) { [Part] = s_files[Part].Replace(Scores, $"causal({power})", StringComparison.Ordinal) };
        Assert.NotEqual(s_files[Part], files[Part]);
        Assert.False(Compile("tiny_trained.sinter", files["tiny_trained.sinter"], files));
    }

    private static void CheckThatItIsSmall(string statements)
    {
        CompilationResult result = Compile(Chain(statements));
        Assert.Empty(result.Diagnostics);
        Assert.InRange(result.Files.Sum(file => file.Text.Length), 1, 2_000_000);
    }

    private static SourceClosure Chain(string statements) => new(
        new SourceFile("chain.sinter", $$"""
            config { axis v = 8 axis d = 4 }
            architecture Chain { model(token[t] in v) -> y[t,d] { x[t,d] = embed.weight[token[t], d] {{statements}} } }
            model Small = Chain { }
            """),
        default);

    private static CompilationResult Compile(SourceClosure source)
    {
        CompilationResult? result = null;
        LimitedThread.Run(() => result = Pipeline.Compile(source, "Fuzzed"));
        return result!;
    }

    private static bool Compile(string model, string text, Dictionary<string, string> files)
    {
        try
        {
            SourceClosure closure = SourceClosure.Of(
                new SourceFile(model, text), files.Select(file => new SourceFile(file.Key, file.Value)));
            CompilationResult result = Compile(closure);
            Assert.Equal(result.Diagnostics.Count == 0, result.Files.Count > 0);
            Assert.All(result.Diagnostics, info => Assert.True(info.Message.Length > 0 && Diagnostics.All.ContainsKey(info.Id)));
            return result.Files.Count > 0;
        }
        catch (Exception exception)
        {
            string changed = string.Join("\n", files.Where(file => file.Value != s_files[file.Key]).Select(file => file.Value).Append(text));
            throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"the compiler failed on:\n{changed}"), exception);
        }
    }

    [GeneratedRegex(@"= (?<value>[\w.-]+)(?=\s)", RegexOptions.ExplicitCapture)]
    private static partial Regex Values();

    [GeneratedRegex(@"\w+(\[[^\]]*\])?|[-+*/^=,]|\?|:", RegexOptions.ExplicitCapture)]
    private static partial Regex Words();
}
