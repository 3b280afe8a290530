using System.Threading.Tasks;
using Xunit;

namespace Sinter.Command.Tests;

public sealed class UsageTests
{
    [Fact]
    public async Task Help_names_every_command_and_gives_examples()
    {
        string help = (await SinterProcess.Run("--help")).IsFine();
        foreach (string command in (string[])["run", "trace", "check", "plan", "emit", "import", "bench"]) Assert.Contains($"  {command} <", help);
        Assert.Contains("Examples:", help);
    }

    [Theory]
    [InlineData("run", "--max-tokens", "--temperature", "--seed", "--json", "--model")]
    [InlineData("trace", "--tokens", "--out", "--decode-from", "--attention <absorbed|expanded>", "--mtp")]
    [InlineData("check", "--graph", "--json")]
    [InlineData("plan", "--context", "--batch", "--json")]
    [InlineData("emit", "--out")]
    [InlineData("import", "--out")]
    [InlineData("bench", "-p", "-n", "-r", "-t", "--json")]
    public async Task Help_of_a_command_names_its_options_and_gives_examples(string command, params string[] options)
    {
        string help = (await SinterProcess.Run(command, "--help")).IsFine();
        foreach (string option in options) Assert.Contains(option, help);
        Assert.Contains($"Examples:\n  ", help);
        Assert.Contains($"sinter {command} ", help);
    }

    [Fact]
    public async Task Prints_its_version() => Assert.Matches(@"^\d+\.\d+\.\d+", (await SinterProcess.Run("--version")).IsFine());

    [Theory]
    [InlineData("Required command was not provided")]
    [InlineData("there is no command 'frobnicate'", "frobnicate")]
    [InlineData("Required argument 'CHECKPOINT' missing for command: 'run'", "run")]
    [InlineData("'c' is one argument too many", "run", "a", "b", "c")]
    [InlineData("there is no option '--frob'", "check", "a.sinter", "--frob")]
    [InlineData("Option '--tokens' is required", "trace", "a", "--out", "x")]
    [InlineData("Option '--out' is required", "trace", "a", "--tokens", "1")]
    [InlineData("'b' is none", "trace", "a", "--tokens", "1,b", "--out", "x")]
    [InlineData("'' is none", "trace", "a", "--tokens", "1,", "--out", "x")]
    [InlineData("'99999999999' is none", "trace", "a", "--tokens", "99999999999", "--out", "x")]
    [InlineData("Argument 'sideways' not recognized. Must be one of: 'absorbed' 'expanded'.", "trace", "a", "--tokens", "1", "--out", "x", "--attention", "sideways")]
    [InlineData("--max-tokens takes a whole number from 1 to 2147483647, not '-1'", "run", "a", "b", "--max-tokens", "-1")]
    [InlineData("--max-tokens takes a whole number from 1 to 2147483647, not '1.5'", "run", "a", "b", "--max-tokens", "1.5")]
    [InlineData("--temperature takes a number from 0 to 100, not 'NaN'", "run", "a", "b", "--temperature", "NaN")]
    [InlineData("--top-p takes a number from 0 to 1, not '1.5'", "run", "a", "b", "--top-p", "1.5")]
    [InlineData("--threads takes a whole number from 1 to 1024, not '0'", "bench", "a", "-t", "0")]
    [InlineData("--context takes a whole number", "plan", "a.sinter", "--context", "many")]
    [InlineData("--device takes auto, cpu, opencl or cuda, not 'gpu'", "run", "a", "b", "--device", "gpu")]
    [InlineData("Required argument missing for option: '--seed'", "run", "a", "b", "--seed")]
    public async Task A_wrong_command_line_gets_one_sentence_and_exit_code_2(string expected, params string[] arguments)
    {
        Outcome outcome = await SinterProcess.Run(arguments);
        Assert.Equal(2, outcome.Code);
        Assert.Equal("", outcome.Output);
        Assert.Single(outcome.Error.TrimEnd('\n').Split('\n'));
        Assert.StartsWith("sinter: ", outcome.Error);
        Assert.Contains(expected, outcome.Error);
        Assert.Contains("--help'.", outcome.Error);
    }
}
