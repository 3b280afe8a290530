using System;
using System.CommandLine;
using Sinter.Command.Loading;
using Sinter.Command.Terminal;
using Sinter.Command.Tracing;
using Sinter.Runtime;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;

namespace Sinter.Command.Commands;

/// <summary><c>sinter trace</c>: the numbers inside, for comparison with another program.</summary>
internal sealed class TraceCommand : ExampledCommand
{
    /// <summary>So that buffers stay small; longer prompts go in chunks.</summary>
    private const int MostTokensAStep = 512;

    private readonly Argument<string> _checkpoint = SharedOptions.Checkpoint();
    private readonly Option<int[]?> _tokens = SharedOptions.Tokens("--tokens", "The tokens to run, by number.");
    private readonly Option<string> _out = new("--out") { HelpName = "FILE.safetensors", Required = true, Description = "Where to write." };
    private readonly Option<int?> _decodeFrom = SharedOptions.WholeNumber("--decode-from", "N", 1, int.MaxValue, "Run the first N tokens as a prompt, then one by one through the cache.");
    private readonly Option<string> _attention = new("--attention") { Description = "Order of attention's contractions (default: the cheapest)." };
    private readonly Option<int[]?> _next = SharedOptions.Tokens("--mtp", "Also run multi-token prediction, with the token after each position.");
    private readonly Option<string?> _model = SharedOptions.Model();
    private readonly Option<DeviceWish> _device = SharedOptions.Device();
    private readonly Option<int?> _threads = SharedOptions.Threads();
    private readonly Option<bool> _json = SharedOptions.Json();

    public TraceCommand() : base(
        "trace",
        "Writes the numbers inside a model to a safetensors file: logits, hidden.0 to hidden.L, the router's choices, mtp.logits.",
        "sinter trace models/tiny-trained --tokens 0,43,80,261 --out trace.safetensors",
        "sinter trace models/tiny-trained --tokens 0,43,80,261 --decode-from 2 --attention absorbed --out trace.safetensors",
        "sinter trace models/tiny-trained --tokens 0,43,80 --mtp 43,80,261 --out trace.safetensors")
    {
        _tokens.Required = true;
        _attention.AcceptOnlyFromAmong("absorbed", "expanded");
        Add(_checkpoint);
        foreach (Option option in (Option[])[_tokens, _out, _decodeFrom, _attention, _next, _model, _device, _threads, _json]) Add(option);
        SetAction(Run);
    }

    private int Run(ParseResult parsed)
    {
        int[] tokens = parsed.GetRequiredValue(_tokens)!;
        int[]? next = parsed.GetResult(_next) is null ? null : parsed.GetValue(_next);
        int decodeFrom = parsed.GetValue(_decodeFrom) ?? tokens.Length;
        if (decodeFrom > tokens.Length) throw new SinterException($"--decode-from {decodeFrom} is more than the {tokens.Length} tokens given.");
        if (next is not null && next.Length != tokens.Length)
            throw new SinterException($"--mtp needs the token after each of the {tokens.Length} positions, but {next.Length} are given.");

        string path = parsed.GetRequiredValue(_out);
        // Its numbers are compared with others', so they are not rounded on the way.
        using ChosenDevice device = ChosenDevice.Open(parsed.GetValue(_device), rounds: false);
        using OpenCheckpoint checkpoint = OpenCheckpoint.Load(parsed.GetRequiredValue(_checkpoint), parsed.GetValue(_model), device: device);
        using ModelSession session = ModelSession.Open(checkpoint.Program, checkpoint.Weights, new SessionOptions
        {
            Capacity = checkpoint.Program.Description.MaxPositions > 0 ? Math.Min(tokens.Length, checkpoint.Program.Description.MaxPositions) : tokens.Length,
            MaxTokensPerStep = Math.Min(tokens.Length, MostTokensAStep),
            Threads = parsed.GetValue(_threads),
            Target = device.Target,
            AttentionOrder = parsed.GetValue(_attention) switch
            {
                "absorbed" => AttentionOrder.Absorbed,
                "expanded" => AttentionOrder.Expanded,
                _ => AttentionOrder.Cheapest,
            },
        });
        SafetensorsWriter file = Record(session, tokens, decodeFrom, next);
        file.Save(path);
        if (!parsed.GetValue(_json)) return ExitCode.Fine;
        JsonOutput.Write(json =>
        {
            json.WriteString("model", session.Description.Name);
            json.WriteString("file", path);
            json.WriteNumber("tokens", tokens.Length);
            if (device.Name is not { } name) return;
            json.WriteString("device", name);
            json.WriteNumber("launches", device.Launches);
        });
        return ExitCode.Fine;
    }

    private static SafetensorsWriter Record(ModelSession session, int[] tokens, int decodeFrom, int[]? next)
    {
        int vocabulary = session.Description.VocabularySize;
        var recorder = new TraceRecorder();
        var logits = new float[tokens.Length * (long)vocabulary];
        var predicted = new float[next is null ? 0 : logits.Length];
        int sequence = session.AddSequence();
        for (int from = 0, to = decodeFrom; from < tokens.Length; from = to, to++)
        {
            session.Trace = recorder;
            SequenceTokens[] step = [new SequenceTokens(sequence, tokens.AsMemory(from, to - from))];
            session.Forward(step, logits.AsSpan(from * vocabulary), LogitRows.All);
            if (next is null) continue;

            // The prediction layer's own hidden states are not the model's.
            session.Trace = null;
            step = [new SequenceTokens(sequence, next.AsMemory(from, to - from))];
            session.Predict(step, predicted.AsSpan(from * vocabulary), LogitRows.All);
        }

        var file = new SafetensorsWriter();
        file.Add("logits", [tokens.Length, vocabulary], logits);
        if (next is not null) file.Add("mtp.logits", [tokens.Length, vocabulary], predicted);
        recorder.AddTo(file);
        return file;
    }
}
