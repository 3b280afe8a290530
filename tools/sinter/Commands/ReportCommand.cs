using System;
using System.CommandLine;
using System.IO;
using Sinter.Command.Reporting.Runs;
using Sinter.Command.Terminal;

namespace Sinter.Command.Commands;

/// <summary><c>sinter report</c>: a run as a page to look at.</summary>
internal sealed class ReportCommand : ExampledCommand
{
    private readonly Argument<string> _run = new("RUN") { Description = "The folder of a run of 'sinter train'." };
    private readonly Option<string?> _out = new("--out") { HelpName = "FILE.html", Description = "Where to write (default: report.html in the run's folder)." };

    public ReportCommand() : base(
        "report",
        "Writes one HTML page with a run's plots: losses, rate, gradient norm, loads of the experts.",
        "sinter report run",
        "sinter report run --out run.html")
    {
        Add(_run);
        Add(_out);
        SetAction(Run);
    }

    private int Run(ParseResult parsed)
    {
        string folder = parsed.GetRequiredValue(_run);
        RunRecord run = RunRecord.Read(folder);
        string path = parsed.GetValue(_out) ?? Path.Combine(folder, "report.html");
        File.WriteAllText(path, RunPage.Write(Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))), run));
        Console.WriteLine(path);
        return ExitCode.Fine;
    }
}
