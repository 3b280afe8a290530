using System;
using System.CommandLine;
using System.Globalization;
using System.Threading;
using System.Threading.Tasks;
using Sinter.Command.Loading;
using Sinter.Command.Terminal;
using Sinter.Runtime;
using Sinter.Runtime.Evaluation;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Text;
using Sinter.Runtime.Training.Data;

namespace Sinter.Command.Commands;

/// <summary><c>sinter eval</c>: what a text costs a checkpoint.</summary>
internal sealed class EvalCommand : ExampledCommand
{
    /// <summary>Of a row where nothing is said, unless the model allows fewer.</summary>
    private const int DefaultLength = 2048;

    private readonly Argument<string> _checkpoint = SharedOptions.Checkpoint();
    private readonly Option<string> _data = new("--data") { HelpName = "FILE", Required = true, Description = "A text, JSON Lines or Parquet file, or a folder of them." };
    private readonly Option<int?> _length = SharedOptions.WholeNumber("--length", "N", 1, int.MaxValue, "Tokens that the model reads of each row (default: 2048, or what it allows).");
    private readonly Option<int?> _rows = SharedOptions.WholeNumber("--rows", "N", 1, int.MaxValue, "The most rows to read (default: all).");
    private readonly Option<string?> _model = SharedOptions.Model();
    private readonly Option<int?> _threads = SharedOptions.Threads();
    private readonly Option<bool> _json = SharedOptions.Json();

    public EvalCommand() : base(
        "eval",
        "Measures a checkpoint on text: loss in nats a token, bits a byte, and of multi-token prediction the loss and how many drafts are accepted.",
        "sinter eval models/tiny-trained --data tests/data/corpus/val.txt --length 256 --rows 16")
    {
        Add(_checkpoint);
        foreach (Option option in (Option[])[_data, _length, _rows, _model, _threads, _json]) Add(option);
        SetAction(Run);
    }

    private Task<int> Run(ParseResult parsed, CancellationToken cancellation)
    {
        string folder = parsed.GetRequiredValue(_checkpoint);
        Corpus corpus = Corpus.Open(parsed.GetRequiredValue(_data), DocumentFormats.All);
        using OpenCheckpoint checkpoint = OpenCheckpoint.Load(folder, parsed.GetValue(_model));
        ModelTokenizer tokenizer = ModelTokenizer.Load(folder);
        ModelDescription description = checkpoint.Program.Description;
        int length = parsed.GetValue(_length) ?? Math.Min(DefaultLength, description.MaxPositions > 0 ? description.MaxPositions : DefaultLength);
        if (description.MaxPositions > 0 && length > description.MaxPositions)
            throw new SinterException($"--length {length} is more than the {description.MaxPositions} positions of {description.Name}.");
        using ModelSession session = ModelSession.Open(checkpoint.Program, checkpoint.Weights, new SessionOptions { Capacity = length, Threads = parsed.GetValue(_threads) });
        var evaluator = new TextEvaluator(session, tokenizer);
        int rows = 0, most = parsed.GetValue(_rows) ?? int.MaxValue;
        using (var work = new LongWork("evaluating"))
        {
            foreach (int[] row in TextRows.Cut(corpus, tokenizer, length))
            {
                if (rows == most) break;
                evaluator.Add(row, cancellation);
                work.Now($"evaluating: {++rows} rows");
            }
        }

        if (rows == 0) throw new SinterException($"{corpus.Path}: there is too little text: a row needs three tokens at least.");
        TextLoss loss = evaluator.Result;
        if (parsed.GetValue(_json)) WriteJson(description, loss, rows);
        else WriteText(loss, rows);
        return Task.FromResult(ExitCode.Fine);
    }

    private static void WriteText(TextLoss loss, int rows)
    {
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"loss        {loss.Loss:0.0000} nats a token ({loss.Tokens} tokens in {rows} rows)"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"            {loss.BitsPerByte:0.0000} bits a byte"));
        if (loss.PredictionLoss is not { } ahead) return;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"prediction  {ahead:0.0000} nats a token, two tokens ahead"));
        if (loss.Acceptance is { } accepted) Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"            {100 * accepted:0.0} % of its likeliest tokens are also the main model's"));
    }

    private static void WriteJson(ModelDescription description, TextLoss loss, int rows) => JsonOutput.Write(json =>
    {
        json.WriteString("model", description.Name);
        json.WriteNumber("rows", rows);
        json.WriteNumber("tokens", loss.Tokens);
        json.WriteNumber("loss", loss.Loss);
        json.WriteNumber("bits_per_byte", loss.BitsPerByte);
        if (loss.PredictionLoss is { } ahead) json.WriteNumber("mtp_loss", ahead);
        if (loss.Acceptance is { } accepted) json.WriteNumber("mtp_acceptance", accepted);
    });
}
