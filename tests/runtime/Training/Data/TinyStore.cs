using System.Collections.Generic;
using System.IO;
using System.Linq;
using Sinter.Runtime.Text;
using Sinter.Runtime.Training.Data;
using Sinter.Tests.Data;

namespace Sinter.Runtime.Tests.Training.Data;

/// <summary>Small corpora and their tokens, by the tokenizer of the repository.</summary>
internal static class TinyStore
{
    public static string TokenizerFolder { get; } = Path.Combine(Repository.Root, "models", "tiny-trained");

    public static ModelTokenizer Tokenizer { get; } = ModelTokenizer.Load(TokenizerFolder);

    /// <summary>A corpus of files, each by its name within the folder, and its tokens.</summary>
    public static TokenStore Make(TemporaryFolder folder, params (string Name, string Text)[] files)
    {
        foreach ((string name, string text) in files)
        {
            string path = Path.Combine(folder.Path, "text", name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, text);
        }

        return Open(folder);
    }

    public static TokenStore Open(TemporaryFolder folder, int vocabulary = 1024) => TokenStoreBuilder.Open(
        Path.Combine(folder.Path, "tokens"), Corpus.Open(Path.Combine(folder.Path, "text"), Corpus.PlainFormats), Tokenizer,
        Path.Combine(TokenizerFolder, "tokenizer.json"), vocabulary);

    /// <summary>Numbered documents of some words each, as JSON Lines.</summary>
    public static string Lines(int count, string word = "word") =>
        string.Join("\n", Enumerable.Range(0, count).Select(i => $$"""{"text": "{{word}} {{i}} {{string.Concat(Enumerable.Repeat("and so on ", i % 7))}}"}"""));

    /// <summary>Rows one after the other.</summary>
    public static List<int[]> Rows(IRowSource source, int count, int length, int beyond)
    {
        var rows = new List<int[]>();
        for (int i = 0; i < count; i++)
        {
            var row = new int[length + beyond];
            source.Fill(row, new int[row.Length], beyond);
            rows.Add(row);
        }

        return rows;
    }
}
