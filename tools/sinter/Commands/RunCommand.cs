using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Text;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;
using Sinter.Command.Loading;
using Sinter.Command.Measuring;
using Sinter.Command.Terminal;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Generation;
using Sinter.Runtime.Weights;

namespace Sinter.Command.Commands;

/// <summary><c>sinter run</c>: continues a prompt.</summary>
internal sealed class RunCommand : ExampledCommand
{
    private readonly Argument<string> _checkpoint = SharedOptions.Checkpoint();

    private readonly Argument<string?> _prompt = new("PROMPT")
    {
        Arity = ArgumentArity.ZeroOrOne,
        Description = "Text to continue; read from standard input where it is not given.",
    };

    private readonly Option<int?> _maxTokens = SharedOptions.WholeNumber("--max-tokens", "N", 1, int.MaxValue, "The most tokens to generate (default: 256).", "-n");
    private readonly Option<double?> _temperature = SharedOptions.Number("--temperature", "X", 0, 100, "0, the default, always takes the likeliest token; 1 draws as the model says.");
    private readonly Option<int?> _topK = SharedOptions.WholeNumber("--top-k", "N", 1, int.MaxValue, "Draw among the N likeliest tokens only.");
    private readonly Option<double?> _topP = SharedOptions.Number("--top-p", "X", 0, 1, "Draw among the likeliest tokens whose probabilities reach X together.");
    private readonly Option<double?> _minP = SharedOptions.Number("--min-p", "X", 0, 1, "Draw among the tokens at least X times as likely as the likeliest.");
    private readonly Option<int?> _seed = SharedOptions.WholeNumber("--seed", "N", 0, int.MaxValue, "Makes drawing repeatable.");
    private readonly Option<string[]> _stop = new("--stop") { HelpName = "TEXT", Description = "Stop before this text; may be given several times." };
    private readonly Option<int?> _context = SharedOptions.WholeNumber("--context", "N", 1, int.MaxValue, "Tokens to make room for (default: what the model allows, or what is needed).");
    private readonly Option<int?> _draft = SharedOptions.Draft();
    private readonly Option<WeightStorage> _weights = SharedOptions.Weights();
    private readonly Option<string?> _model = SharedOptions.Model();
    private readonly Option<DeviceWish> _device = SharedOptions.Device();
    private readonly Option<int?> _threads = SharedOptions.Threads();
    private readonly Option<bool> _timing = new("--timing") { Description = "Tell on standard error where the time to the first token went." };
    private readonly Option<bool> _json = SharedOptions.Json();

    public RunCommand() : base(
        "run",
        "Continues a prompt with a model: text to standard output as it comes, then the speed to standard error.",
        "sinter run models/tiny-trained \"In the beginning\"",
        "sinter run models/tiny-trained \"And God said\" --max-tokens 64 --temperature 0.8 --top-p 0.95 --seed 7",
        "echo \"In the beginning\" | sinter run models/tiny-trained --json")
    {
        Add(_checkpoint);
        Add(_prompt);
        foreach (Option option in (Option[])[_maxTokens, _temperature, _topK, _topP, _minP, _seed, _stop, _context, _draft, _weights, _model, _device, _threads, _timing, _json]) Add(option);
        SetAction(Run);
    }

    private async Task<int> Run(ParseResult parsed, CancellationToken cancellation)
    {
        var timing = new StartTiming();
        string folder = parsed.GetRequiredValue(_checkpoint);
        var options = new GenerationOptions
        {
            MaxTokens = parsed.GetValue(_maxTokens) ?? 256,
            Temperature = parsed.GetValue(_temperature) ?? 0,
            TopK = parsed.GetValue(_topK),
            TopP = parsed.GetValue(_topP) ?? 1,
            MinP = parsed.GetValue(_minP) ?? 0,
            Seed = (ulong?)parsed.GetValue(_seed),
            StopStrings = parsed.GetValue(_stop) ?? [],
            Draft = parsed.GetValue(_draft),
        };
        options.Validate();
        timing.End("command line");
        var config = ModelConfig.Load(folder);
        using ChosenDevice device = ChosenDevice.Open(parsed.GetValue(_device));
        ModelProgram program = device.ProgramFor(config, parsed.GetValue(_model));
        timing.End(ProgramChoice.IsFromBuild(program) ? "config, model compiled at build" : "config, model compiled now or at an earlier run");
        string prompt = parsed.GetValue(_prompt) ?? await ReadPrompt(cancellation);
        timing.End("prompt");
        using LanguageModel model = Open(program, folder, device, parsed);
        LoadTimes load = model.LoadTimes;
        timing.End("rest of loading: config again", ("weights", load.Weights), ("caches, threads", load.Session), ("tokenizer, beyond weights and caches", load.Tokenizer));
        bool isJson = parsed.GetValue(_json), isTimed = parsed.GetValue(_timing);
        using var progress = new LongWork("reading the prompt");
        var text = new StringBuilder();
        var tokens = new List<int>();
        GenerationStatistics? statistics = null;
        await foreach (GeneratedText piece in model.GenerateAsync(prompt, options, cancellation))
        {
            progress.Dispose();
            timing.FirstToken();
            text.Append(piece.Text);
            tokens.AddRange(piece.Tokens);
            statistics = piece.Statistics;
            if (!isJson) Console.Out.Write(piece.Text);
        }

        if (isJson)
        {
            WriteJson(model, device, text.ToString(), tokens, statistics!);
            if (isTimed) timing.Write(TimeSpan.FromSeconds(statistics!.PrefillSeconds));
            return ExitCode.Fine;
        }

        Console.Out.WriteLine();
        if (isTimed) timing.Write(TimeSpan.FromSeconds(statistics!.PrefillSeconds));
        Console.Error.WriteLine($"prefill {statistics!.PrefillRate:0.0} tokens/s ({statistics.PromptTokens} tokens), "
            + $"decoding {statistics.DecodeRate:0.0} tokens/s ({statistics.GeneratedTokens} tokens)");
        if (device.Name is { } name) Console.Error.WriteLine($"on {name}: {device.Launches} launches of kernels");
        if (statistics.DraftedTokens > 0)
            Console.Error.WriteLine($"drafts: {statistics.AcceptedTokens} of {statistics.DraftedTokens} kept ({100 * statistics.AcceptanceRate:0} %), {statistics.TokensPerPass:0.00} tokens a pass");
        return ExitCode.Fine;
    }

    private LanguageModel Open(ModelProgram program, string folder, ChosenDevice device, ParseResult parsed)
    {
        using var work = new LongWork($"loading {folder}");
        return LanguageModel.Open(program, folder, new LoadOptions
        {
            Capacity = parsed.GetValue(_context),
            Threads = parsed.GetValue(_threads),
            Storage = parsed.GetValue(_weights),
            Target = device.Target,
        });
    }

    /// <summary>All of standard input but the line's end, which an echo or an editor adds.</summary>
    private static async Task<string> ReadPrompt(CancellationToken cancellation)
    {
        // A console does not give up its read when asked to: only the waiting is cancelled.
        string text = await Task.Run(Console.In.ReadToEnd, CancellationToken.None).WaitAsync(cancellation);
        return text.EndsWith('\n') ? text[..^1].TrimEnd('\r') : text;
    }

    private static void WriteJson(LanguageModel model, ChosenDevice device, string text, List<int> tokens, GenerationStatistics statistics) => JsonOutput.Write(json =>
    {
        json.WriteString("model", model.Description.Name);
        json.WriteString("text", text);
        json.WriteStartArray("tokens");
        foreach (int token in tokens) json.WriteNumberValue(token);
        json.WriteEndArray();
        if (device.Name is { } name)
        {
            json.WriteString("device", name);
            json.WriteNumber("launches", device.Launches);
        }

        json.WriteNumber("prompt_tokens", statistics.PromptTokens);
        json.WriteNumber("generated_tokens", statistics.GeneratedTokens);
        json.WriteNumber("prefill_tokens_per_second", Math.Round(statistics.PrefillRate, 3));
        json.WriteNumber("decode_tokens_per_second", Math.Round(statistics.DecodeRate, 3));
        json.WriteNumber("kept_tokens", statistics.KeptTokens);
        json.WriteNumber("passes", statistics.Passes);
        json.WriteNumber("drafted_tokens", statistics.DraftedTokens);
        json.WriteNumber("accepted_tokens", statistics.AcceptedTokens);
        json.WriteString("ended_by", JsonNamingPolicy.SnakeCaseLower.ConvertName(statistics.Reason.ToString()));
    });
}
