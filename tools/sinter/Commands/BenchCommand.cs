using System;
using System.CommandLine;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Sinter.Command.Loading;
using Sinter.Command.Measuring;
using Sinter.Command.Terminal;
using Sinter.Runtime;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Generation;

namespace Sinter.Command.Commands;

/// <summary><c>sinter bench</c>: how fast a checkpoint runs here.</summary>
internal sealed class BenchCommand : ExampledCommand
{
    private readonly Argument<string> _checkpoint = SharedOptions.Checkpoint();
    private readonly Option<int?> _prompt = SharedOptions.WholeNumber("--prompt", "N", 1, int.MaxValue, "Tokens of prefill (default: 512, or what the context leaves).", "-p");
    private readonly Option<int?> _generate = SharedOptions.WholeNumber("--generate", "N", 1, int.MaxValue, "Tokens to decode (default: 64).", "-n");
    private readonly Option<int?> _repeat = SharedOptions.WholeNumber("--repeat", "N", 1, 1000, "Runs that count, after those that warm up (default: 5).", "-r");
    private readonly Option<int?> _draft = SharedOptions.Draft();
    private readonly Option<string?> _model = SharedOptions.Model();
    private readonly Option<int?> _threads = SharedOptions.Threads();
    private readonly Option<bool> _json = SharedOptions.Json();

    public BenchCommand() : base(
        "bench",
        "Measures prefill and decoding: tokens/s (median, least, most), bytes of weights read a token, GB/s, resident memory.",
        "sinter bench models/tiny-trained",
        "sinter bench models/tiny-trained -p 256 -n 128 -r 10 -t 2 --json",
        "sinter bench models/tiny-trained --draft 1")
    {
        Add(_checkpoint);
        foreach (Option option in (Option[])[_prompt, _generate, _repeat, _draft, _model, _threads, _json]) Add(option);
        SetAction(Run);
    }

    private async Task<int> Run(ParseResult parsed, CancellationToken cancellation)
    {
        string folder = parsed.GetRequiredValue(_checkpoint);
        using OpenCheckpoint checkpoint = OpenCheckpoint.Load(folder, parsed.GetValue(_model));
        ModelDescription description = checkpoint.Program.Description;
        int generate = parsed.GetValue(_generate) ?? 64;
        int prompt = parsed.GetValue(_prompt) ?? Math.Clamp(description.MaxPositions - generate, 1, 512);
        long positions = (long)prompt + generate;
        if (description.MaxPositions > 0 && positions > description.MaxPositions)
            throw new SinterException($"{prompt} tokens of prompt and {generate} to decode are more than the {description.MaxPositions} positions of {description.Name}.");
        using ModelSession session = ModelSession.Open(checkpoint.Program, checkpoint.Weights, new SessionOptions
        {
            Capacity = (int)positions,
            Threads = parsed.GetValue(_threads),
        });

        int repeat = parsed.GetValue(_repeat) ?? 5;
        Speed speed;
        using (var work = new LongWork("measuring"))
        {
            speed = Speed.Measure(session, prompt, generate, repeat, work, cancellation);
        }

        // A second model of the same files would be counted twice.
        long resident = ResidentBytes();
        DraftSpeed? drafts = null;
        if (parsed.GetValue(_draft) is { } depth and > 0)
        {
            using LanguageModel model = LanguageModel.Open(checkpoint.Program, folder, new LoadOptions { Capacity = (int)positions, Threads = parsed.GetValue(_threads) });
            using var work = new LongWork("measuring drafts");
            drafts = await DraftSpeed.Measure(model, depth, generate, repeat, work, cancellation);
        }

        // Decoding reads the weights of a token, and the cache of what came before it.
        long weights = WeightTraffic.BytesPerToken(description, checkpoint.Files.Tensors);
        long cache = (long)(description.Caches.Sum(c => (long)c.Width) * sizeof(float) * description.Layers * (prompt + generate / 2.0));
        var report = new BenchReport(description.Name, prompt, generate, repeat, session.Threads, speed.Prefill, speed.Decoding,
            weights, cache, (weights + cache) * speed.Decoding.Median / 1e9, drafts, resident);
        if (parsed.GetValue(_json)) report.WriteJson();
        else report.WriteText();
        return ExitCode.Fine;
    }

    private static long ResidentBytes()
    {
        using var process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }
}
