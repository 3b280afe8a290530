using System;
using System.Collections.Generic;
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.IO;
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
    public static Option<WeightStorage> Weights()
    {
        var option = new Option<WeightStorage>("--weights")
        {
            HelpName = "FORMAT",
            Description = "bf16, fp8 or int8: converts the matrices of attention and feed-forward layers while loading (default: as stored).",
            CustomParser = result =>
            {
                string text = result.Tokens[0].Value;
                if (text == "bf16") return WeightStorage.BF16;
                if (text == "fp8") return WeightStorage.E4M3;
                if (text == "int8") return WeightStorage.Int8;
                result.AddError($"--weights takes bf16, fp8 or int8, not '{text}'.");
                return WeightStorage.AsStored;
            },
        };
        return option;
    }

    /// <summary>What to run on.</summary>
    public static Option<DeviceWish> Device()
    {
        string[] names = ["auto", "cpu", "opencl", "cuda"];
        DeviceWish[] wishes = [DeviceWish.Auto, DeviceWish.Cpu, DeviceWish.OpenCL, DeviceWish.Cuda];
        return new Option<DeviceWish>("--device")
        {
            HelpName = string.Join('|', names),
            Description = "What to run on: cpu, the default; opencl or cuda; or auto, which takes a GPU if there is one and says so.",
            DefaultValueFactory = _ => DeviceWish.Cpu,
            CustomParser = result =>
            {
                int place = Array.IndexOf(names, result.Tokens[0].Value);
                if (place < 0) result.AddError($"--device takes {string.Join(", ", names[..^1])} or {names[^1]}, not '{result.Tokens[0].Value}'.");
                return wishes[Math.Max(place, 0)];
            },
        };
    }

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
