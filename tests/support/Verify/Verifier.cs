using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.CompilerServices;
using System.Text;
using System.Threading.Tasks;
using Microsoft.CodeAnalysis;

// The few members of Verify.Xunit that the tests use, under its names and file conventions:
// with the package served, delete this file and add the PackageReference.
namespace VerifyXunit;

public static class Verifier
{
    public static SettingsTask Verify(string target, string extension = "txt",
        [CallerFilePath] string sourceFile = "", [CallerMemberName] string method = "") =>
        new(sourceFile, method, [new("", extension, target)]);

    /// <summary>One file for each generated source, and one for the diagnostics if there are any.</summary>
    public static SettingsTask Verify(GeneratorDriver driver,
        [CallerFilePath] string sourceFile = "", [CallerMemberName] string method = "")
    {
        var targets = new List<Target>();
        foreach (GeneratorRunResult result in driver.GetRunResult().Results)
        {
            if (result.Diagnostics.Length > 0) targets.Add(new("", "txt", string.Join("\n", result.Diagnostics)));
            foreach (GeneratedSourceResult source in result.GeneratedSources)
                targets.Add(new("#" + Path.GetFileNameWithoutExtension(source.HintName), "cs", source.SourceText.ToString()));
        }

        return new(sourceFile, method, targets);
    }
}

public readonly record struct Target(string Suffix, string Extension, string Text);

/// <summary>A verification yet to be awaited.</summary>
public sealed class SettingsTask(string sourceFile, string method, IReadOnlyList<Target> targets)
{
    private string _directory = Path.GetDirectoryName(sourceFile)!;
    private string _name = Path.GetFileNameWithoutExtension(sourceFile) + "." + method;

    public SettingsTask UseDirectory(string directory)
    {
        _directory = Path.Combine(_directory, directory);
        return this;
    }

    public SettingsTask UseFileName(string name)
    {
        _name = name;
        return this;
    }

    public SettingsTask UseTextForParameters(string text)
    {
        _name += "_" + text;
        return this;
    }

    public TaskAwaiter GetAwaiter() => Compare().GetAwaiter();

    private async Task Compare()
    {
        var failures = new List<string>();
        foreach (Target target in targets)
        {
            string file = Path.Combine(_directory, _name + target.Suffix);
            string verified = $"{file}.verified.{target.Extension}", received = $"{file}.received.{target.Extension}";
            string text = target.Text.Replace("\r\n", "\n");
            string? wanted = File.Exists(verified) ? (await File.ReadAllTextAsync(verified)).Replace("\r\n", "\n") : null;
            if (text == wanted)
            {
                File.Delete(received);
                continue;
            }

            bool accept = Environment.GetEnvironmentVariable("SINTER_ACCEPT") == "1";
            Directory.CreateDirectory(_directory);
            await File.WriteAllTextAsync(accept ? verified : received, text, new UTF8Encoding(false));
            if (accept) File.Delete(received);
            else failures.Add(Describe(received, wanted, text));
        }

        if (failures.Count > 0) throw new VerifyException(string.Join("\n", failures));
    }

    private static string Describe(string received, string? wanted, string text)
    {
        if (wanted is null) return $"New: {received}\n{text}";
        string[] old = wanted.Split('\n'), now = text.Split('\n');
        int line = 0;
        while (line < old.Length && line < now.Length && old[line] == now[line]) line++;
        return $"NotEqual: {received}({line + 1})\n- {old.ElementAtOrEnd(line)}\n+ {now.ElementAtOrEnd(line)}";
    }
}

public sealed class VerifyException(string message) : Exception(message);

file static class Lines
{
    public static string ElementAtOrEnd(this string[] lines, int index) => index < lines.Length ? lines[index] : "<end>";
}
