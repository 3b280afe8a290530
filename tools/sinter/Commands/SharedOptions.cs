using System;
using System.Collections.Generic;
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.IO;
using System.Linq;
using Sinter.Command.Loading;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Weights;

namespace Sinter.Command.Commands;

/// <summary>Arguments and options that several subcommands take.</summary>
internal static class SharedOptions
{
    public static Argument<string> Checkpoint() => new("CHECKPOINT")
    {
        Description = "Folder with config.json, safetensors and tokenizer.json.",
    };

    public static Argument<string> ModelFile() => new("FILE.sinter") { Description = "A model description." };

    public static Option<string?> Model() => new("--model")
    {
        HelpName = "FILE.sinter",
        Description = "The model to run, instead of the one that config.json asks for.",
    };

    public static Option<string?> Config() => new("--config")
    {
        HelpName = "config.json",
        Description = "Numbers for an architecture whose file declares no model: a config.json or the folder that holds it.",
    };

    public static Option<bool> Json() => new("--json") { Description = "Print one JSON object for a program to read." };

    public static Option<int?> Draft() => WholeNumber(
        "--draft", "N", 0, ModelSession.MostCheckedTokens - 1, "Tokens that multi-token prediction drafts for each pass of the model (default: 1 if it is likely to pay, else 0).");

    /// <summary>Of the products of training.</summary>
    public static Option<string?> Precision()
    {
        var option = new Option<string?>("--precision") { Description = "Of the products of linear layers, instead of the recipe's." };
        option.AcceptOnlyFromAmong("f32", "bf16", "fp8");
        return option;
    }

    /// <summary>In what format matrices are kept.</summary>
    public static Option<WeightStorage> Weights() => Choice(
        "--weights", "FORMAT", "bf16, fp8 or int8: converts the matrices of attention and feed-forward layers while loading (default: as stored).",
        ("bf16", WeightStorage.BF16), ("fp8", WeightStorage.E4M3), ("int8", WeightStorage.Int8));

    /// <summary>Where the weights lie.</summary>
    public static Option<WeightPlacement> Placement() => Choice(
        "--placement", "auto|mapped|copied", "Where the weights lie: in the mapped files; copied into memory, with huge pages; or, by default, auto, which copies where the files have no huge pages and memory has room.",
        ("auto", WeightPlacement.Automatic), ("mapped", WeightPlacement.Mapped), ("copied", WeightPlacement.Copied));

    /// <summary>What to run on.</summary>
    public static Option<DeviceWish> Device() => Choice(
        "--device", "auto|cpu|opencl|cuda", "What to run on: cpu, the default; opencl or cuda; or auto, which takes a GPU if there is one and says so.",
        ("auto", DeviceWish.Auto), ("cpu", DeviceWish.Cpu), ("opencl", DeviceWish.OpenCL), ("cuda", DeviceWish.Cuda));

    /// <summary>One of some words; what is the type's first value if it is not given.</summary>
    private static Option<T> Choice<T>(string name, string helpName, string description, params (string Name, T Value)[] choices) => new(name)
    {
        HelpName = helpName,
        Description = description,
        CustomParser = result =>
        {
            int place = Array.FindIndex(choices, choice => choice.Name == result.Tokens[0].Value);
            if (place < 0) result.AddError($"{name} takes {string.Join(", ", choices[..^1].Select(c => c.Name))} or {choices[^1].Name}, not '{result.Tokens[0].Value}'.");
            return choices[Math.Max(place, 0)].Value;
        },
    };

    public static Option<int?> Threads() => WholeNumber("--threads", "THREADS", 1, 1024, "Threads to compute with; as many as cores if not given.", "-t");

    /// <summary>An option for a whole number within bounds, both included.</summary>
    public static Option<int?> WholeNumber(string name, string helpName, int least, int most, string description, params string[] aliases)
    {
        var option = new Option<int?>(name, aliases) { HelpName = helpName, Description = description };
        option.Validators.Add(result => RequireBetween(result, least, most));
        return option;
    }

    /// <summary>An option for a finite number within bounds, both included.</summary>
    public static Option<double?> Number(string name, string helpName, double least, double most, string description)
    {
        var option = new Option<double?>(name) { HelpName = helpName, Description = description };
        option.CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value >= least && value <= most)
                return value;
            result.AddError(FormattableString.Invariant($"{name} takes a number from {least} to {most}, not '{text}'."));
            return null;
        };
        return option;
    }

    /// <summary>An option for token numbers: <c>1,2,3</c>.</summary>
    public static Option<int[]?> Tokens(string name, string description) => new(name)
    {
        HelpName = "1,2,3",
        Description = description,
        CustomParser = result =>
        {
            var tokens = new List<int>();
            foreach (string part in result.Tokens[0].Value.Split(',', StringSplitOptions.TrimEntries))
            {
                if (int.TryParse(part, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int token)) tokens.Add(token);
                else
                {
                    result.AddError($"{name} takes whole numbers with commas between, such as 1,2,3; '{part}' is none.");
                    return null;
                }
            }

            return [.. tokens];
        },
    };

    private static void RequireBetween(OptionResult result, int least, int most)
    {
        string text = result.Tokens.Count == 0 ? "" : result.Tokens[0].Value;
        if (!int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) || value < least || value > most)
            result.AddError(FormattableString.Invariant($"{result.Option.Name} takes a whole number from {least} to {most}, not '{text}'."));
    }
}
