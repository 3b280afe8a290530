using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Compiler.Tests.House;

/// <summary>The compiler's folders stand in the order of the data, and each uses only those before it.</summary>
public sealed class FolderOrderTests
{
    private static readonly string[] s_folders = ["Support", "Syntax", "Binding", "Graph", "Passes", "Operations", "Kernels", "Emit", "Reports"];

    [Fact]
    public void Every_folder_has_its_place_in_the_order() =>
        Assert.Equal(s_folders.Order(StringComparer.Ordinal), Directory.GetDirectories(Root).Select(Path.GetFileName).Where(name => name is not ("bin" or "obj")).Order(StringComparer.Ordinal));

    [Fact]
    public void A_folder_uses_only_the_folders_before_it()
    {
        List<string> wrong = [];
        int uses = 0;
        foreach ((string file, int folder, string text) in Sources())
        {
            foreach (Match match in Regex.Matches(text, @"\bSinter\.Compiler\.(\w+)"))
            {
                int used = Array.IndexOf(s_folders, match.Groups[1].Value);
                if (used < 0) continue;
                uses++;
                if (used > folder) wrong.Add($"{file} uses {s_folders[used]}");
            }
        }

        Assert.Empty(wrong);
        Assert.True(uses > 50, $"only {uses} uses were seen: does this test still read the code?");
    }

    [Fact]
    public void A_file_has_the_namespace_of_its_folder()
    {
        foreach ((string file, int folder, string text) in Sources())
        {
            Match match = Regex.Match(text, @"^namespace ([\w.]+);", RegexOptions.Multiline);
            if (s_folders[folder] == "Support") continue;
            Assert.True(match.Success && match.Groups[1].Value.StartsWith($"Sinter.Compiler.{s_folders[folder]}", StringComparison.Ordinal), file);
        }
    }

    [Fact]
    public void No_file_is_hard_to_read_in_one_sitting()
    {
        string[] rooms = ["compiler", "runtime", "tools", "tests"];
        IEnumerable<string> files = rooms.SelectMany(room => Directory.GetFiles(Path.Combine(Repository.Root, room), "*.cs", SearchOption.AllDirectories))
            .Where(file => !file.Contains("/bin/") && !file.Contains("/obj/") && !file.Contains(".verified."));
        Assert.All(files, file => Assert.True(File.ReadLines(file).Count() <= 400, $"{file} has more than 400 lines"));
    }

    private static string Root => Path.Combine(Repository.Root, "compiler");

    private static IEnumerable<(string File, int Folder, string Text)> Sources()
    {
        for (int i = 0; i < s_folders.Length; i++)
        {
            foreach (string file in Directory.GetFiles(Path.Combine(Root, s_folders[i]), "*.cs", SearchOption.AllDirectories))
            {
                yield return (Path.GetRelativePath(Root, file), i, File.ReadAllText(file));
            }
        }
    }
}
