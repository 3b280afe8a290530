using System;
using System.CommandLine;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Sinter.Command.Loading;
using Sinter.Command.Measuring;
using Sinter.Command.Terminal;
using Sinter.Compiler;
using Sinter.Runtime;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Generation;
using Sinter.Runtime.Weights;

namespace Sinter.Command.Commands;

/// <summary><c>sinter bench</c>: how fast a checkpoint runs here.</summary>
internal sealed class BenchCommand : ExampledCommand
{
    private readonly Argument<string> _checkpoint = SharedOptions.Checkpoint();
    private readonly Option<int?> _prompt = SharedOptions.WholeNumber("--prompt", "N", 1, int.MaxValue, "Tokens of prefill (default: 512, or what the context leaves).", "-p");
    private readonly Option<int?> _generate = SharedOptions.WholeNumber("--generate", "N", 1, int.MaxValue, "Tokens to decode (default: 64).", "-n");
    private readonly Option<int?> _repeat = SharedOptions.WholeNumber("--repeat", "N", 1, 1000, "Runs that count, after those that warm up (default: 5).", "-r");
    private readonly Option<int?> _draft = SharedOptions.Draft();
    private readonly Option<bool> _roofline = new("--roofline") { Description = "Where the time goes instead: each kernel's share, GB/s and GFLOP/s, against the limits of this machine." };
    private readonly Option<WeightStorage> _weights = SharedOptions.Weights();
    private readonly Option<WeightPlacement> _placement = SharedOptions.Placement();
    private readonly Option<string?> _model = SharedOptions.Model();
    private readonly Option<DeviceWish> _device = SharedOptions.Device();
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
        foreach (Option option in (Option[])[_prompt, _generate, _repeat, _draft, _roofline, _weights, _placement, _model, _device, _threads, _json]) Add(option);
        SetAction(Run);
    }

    private async Task<int> Run(ParseResult parsed, CancellationToken cancellation)
    {
        string folder = parsed.GetRequiredValue(_checkpoint);
        if (parsed.GetValue(_roofline) && parsed.GetValue(_device) != DeviceWish.Cpu) throw new SinterException("--roofline measures this machine's processor: leave --device out.");
        using ChosenDevice device = ChosenDevice.Open(parsed.GetValue(_device));
        using OpenCheckpoint checkpoint = OpenCheckpoint.Load(folder, parsed.GetValue(_model), parsed.GetValue(_placement), parsed.GetValue(_weights), device);
        ModelDescription description = checkpoint.Program.Description;
        int generate = parsed.GetValue(_generate) ?? 64;
        int prompt = parsed.GetValue(_prompt) ?? Math.Clamp(description.MaxPositions - generate, 1, 512);
        long positions = (long)prompt + generate;
        if (description.MaxPositions > 0 && positions > description.MaxPositions)
            throw new SinterException($"{prompt} tokens of prompt and {generate} to decode are more than the {description.MaxPositions} positions of {description.Name}.");
        if (parsed.GetValue(_roofline)) return RunRoofline(checkpoint, folder, prompt, generate, parsed);
        using ModelSession session = ModelSession.Open(checkpoint.Program, checkpoint.Weights, new SessionOptions
        {
            Capacity = (int)positions,
            Threads = parsed.GetValue(_threads),
            Target = device.Target,
        });

        int repeat = parsed.GetValue(_repeat) ?? 5;
        Speed speed;
        using (var work = new LongWork("measuring"))
        {
            speed = Speed.Measure(session, prompt, generate, repeat, work, cancellation);
        }

        long launches = 0;
        if (device.Target is not null) Speed.DecodeOnce(session, () => launches = device.Launches - launches);

        // A second model of the same files would be counted twice.
        long resident = ProcessMemory.Peak;
        DraftSpeed? drafts = null;
        if (parsed.GetValue(_draft) is { } depth and > 0)
        {
            using LanguageModel model = LanguageModel.Open(checkpoint.Program, folder, new LoadOptions { Capacity = (int)positions, Threads = parsed.GetValue(_threads), Storage = parsed.GetValue(_weights), Target = device.Target });
            using var work = new LongWork("measuring drafts");
            drafts = await DraftSpeed.Measure(model, depth, generate, repeat, work, cancellation);
        }

        // Decoding reads the weights of a token, and the cache of what came before it.
        long weights = WeightTraffic.BytesPerToken(description, checkpoint.Weights);
        long cache = (long)(description.Caches.Sum(c => (long)c.Width) * sizeof(float) * description.Layers * (prompt + generate / 2.0));
        var report = new BenchReport(description.Name, prompt, generate, repeat, session.Threads, speed.Prefill, speed.Decoding,
            weights, cache, (weights + cache) * speed.Decoding.Median / 1e9, drafts, resident, checkpoint.ResidentBefore,
            checkpoint.Weights.Bytes + LatentCache.BytesFor(description, session.MaxSequences, session.Capacity), device.Name, launches, checkpoint.Weights.Placement);
        if (parsed.GetValue(_json)) report.WriteJson();
        else report.WriteText();
        return ExitCode.Fine;
    }

    private int RunRoofline(OpenCheckpoint checkpoint, string folder, int prompt, int generate, ParseResult parsed)
    {
        var config = ModelConfig.Load(folder);
        ModelSource source = parsed.GetValue(_model) is { } file ? ModelSource.FromFile(file) : ModelSource.ForConfig(config);
        CompiledModel compiled;
        ModelProgram program;
        using (new LongWork("compiling the model with clocks")) (compiled, program) = source.Timed(config);
        using ModelSession session = ModelSession.Open(program, checkpoint.Weights, new SessionOptions { Capacity = prompt + generate, Threads = parsed.GetValue(_threads) });
        MachineLimits limits;
        Roofline prefill, decoding;
        using (var work = new LongWork("measuring"))
        {
            limits = MachineLimits.Measure(session.Threads);
            prefill = Roofline.Measure($"prefill of {prompt} tokens", compiled.Program, session, checkpoint.Weights, 0, Math.Min(prompt, session.MaxTokensPerStep), parsed.GetValue(_repeat) ?? 5);
            decoding = Roofline.Measure($"decoding after {prompt} tokens", compiled.Program, session, checkpoint.Weights, prompt, 1, generate);
        }

        if (parsed.GetValue(_json))
        {
            JsonOutput.Write(json =>
            {
                json.WriteString("model", program.Description.Name);
                json.WriteNumber("threads", session.Threads);
                json.WriteNumber("stream_gigabytes_per_second", Math.Round(limits.BytesPerSecond / 1e9, 3));
                json.WriteNumber("peak_gigaflops_per_second", Math.Round(limits.FlopsPerSecond / 1e9, 3));
                json.WriteStartArray("phases");
                foreach (Roofline phase in (Roofline[])[prefill, decoding]) phase.WriteJson(json, limits);
                json.WriteEndArray();
            });
            return ExitCode.Fine;
        }

        Console.WriteLine($"{program.Description.Name}, {session.Threads} threads; limits measured here: {limits.BytesPerSecond / 1e9:0.0} GB/s from memory, {limits.FlopsPerSecond / 1e9:0.0} GFLOP/s");
        foreach (Roofline phase in (Roofline[])[prefill, decoding]) phase.WriteText(limits);
        return ExitCode.Fine;
    }
}
