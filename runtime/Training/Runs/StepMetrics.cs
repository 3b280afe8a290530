using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Sinter.Runtime.Training.Runs;

/// <summary>What a step did.</summary>
/// <param name="Step">Counted from 1.</param>
/// <param name="Tokens">That the model has read by now.</param>
/// <param name="Loss">The whole objective.</param>
/// <param name="Norm">Over all gradients, before clipping.</param>
public sealed record StepMetrics(
    long Step, string Stage, long Tokens, int Sequences, int Length, double Rate, double Loss, BatchReport Report, double Norm, double BiasSpeed, double Seconds)
{
    public double TokensPerSecond => Sequences * (double)Length / Seconds;

    /// <summary>The largest <see cref="BatchReport.LargestViolation"/> of all layers; zero without experts.</summary>
    public double MaxVio => Report.Loads.Count == 0 ? 0 : Enumerable.Range(0, Report.Loads.Count).Max(Report.LargestViolation);
}

/// <summary>The losses of the validation rows after a step.</summary>
public sealed record Validation(long Step, long Tokens, double Main, IReadOnlyList<double> Prediction);

/// <summary>
/// The run's numbers: <c>metrics.jsonl</c> has a line a step, and one for each validation; <c>metrics.csv</c> has the steps for
/// spreadsheets.
/// </summary>
public sealed class MetricsLog : IDisposable
{
    public const string FileName = "metrics.jsonl", TableName = "metrics.csv";

    private const string Header = "step,tokens,stage,sequences,length,rate,loss,main,mtp,balance,norm,maxvio,tokens_per_second";

    private readonly StreamWriter _lines;
    private readonly StreamWriter _table;

    /// <param name="folder">The run's.</param>
    /// <param name="step">The step that the run goes on from: what the files have of later ones is cut off.</param>
    public MetricsLog(string folder, long step)
    {
        Keep(Path.Combine(folder, FileName), line => JsonNode.Parse(line)?["step"] is { } number && (long)number <= step);
        Keep(Path.Combine(folder, TableName), line => !long.TryParse(line.AsSpan(0, Math.Max(0, line.IndexOf(',', StringComparison.Ordinal))), CultureInfo.InvariantCulture, out long number) || number <= step);
        _lines = new StreamWriter(Path.Combine(folder, FileName), append: true) { AutoFlush = true };
        bool isNew = !File.Exists(Path.Combine(folder, TableName)) || new FileInfo(Path.Combine(folder, TableName)).Length == 0;
        _table = new StreamWriter(Path.Combine(folder, TableName), append: true) { AutoFlush = true };
        if (isNew) _table.WriteLine(Header);
    }

    public void Add(StepMetrics step)
    {
        var line = new JsonObject
        {
            ["step"] = step.Step,
            ["tokens"] = step.Tokens,
            ["stage"] = step.Stage,
            ["sequences"] = step.Sequences,
            ["length"] = step.Length,
            ["rate"] = step.Rate,
            ["loss"] = step.Loss,
            ["main"] = step.Report.Main,
            ["mtp"] = new JsonArray([.. step.Report.Prediction.Select(loss => (JsonNode)loss)]),
            ["balance"] = step.Report.Balance,
            ["norm"] = step.Norm,
            ["bias_speed"] = step.BiasSpeed,
            ["maxvio"] = step.MaxVio,
            ["loads"] = new JsonArray([.. step.Report.Loads.Select(loads => (JsonNode)new JsonArray([.. loads.Select(load => (JsonNode)load)]))]),
            ["tokens_per_second"] = Math.Round(step.TokensPerSecond, 1),
        };
        _lines.WriteLine(line.ToJsonString());
        string mtp = step.Report.Prediction.Count > 0 ? step.Report.Prediction.Average().ToString("R", CultureInfo.InvariantCulture) : "";
        _table.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{step.Step},{step.Tokens},{step.Stage},{step.Sequences},{step.Length},{step.Rate:R},{step.Loss:R},{step.Report.Main:R},{mtp},{step.Report.Balance:R},{step.Norm:R},{step.MaxVio:R},{step.TokensPerSecond:0.0}"));
    }

    public void Add(Validation validation) => _lines.WriteLine(new JsonObject
    {
        ["step"] = validation.Step,
        ["tokens"] = validation.Tokens,
        ["validation"] = new JsonObject
        {
            ["main"] = validation.Main,
            ["mtp"] = new JsonArray([.. validation.Prediction.Select(loss => (JsonNode)loss)]),
        },
    }.ToJsonString());

    public void Dispose()
    {
        _lines.Dispose();
        _table.Dispose();
    }

    private static void Keep(string path, Func<string, bool> holds)
    {
        if (!File.Exists(path)) return;
        string[] lines = File.ReadAllLines(path);
        string[] kept = [.. lines.Where(line => Holds(line, holds))];
        string temporary = path + ".tmp";
        File.WriteAllLines(temporary, kept, new UTF8Encoding(false));
        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>A line that a kill has cut short is of a step that will be made again.</summary>
    private static bool Holds(string line, Func<string, bool> holds)
    {
        try
        {
            return line.Length > 0 && holds(line);
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
