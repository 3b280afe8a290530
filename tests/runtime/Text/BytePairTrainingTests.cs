using System.IO;
using System.Linq;
using System.Text.Json;
using Sinter.Runtime.Text;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Runtime.Tests.Text;

/// <summary>Tokenizers learnt from text, against the one that Hugging Face's tokenizers learnt from the same.</summary>
public sealed class BytePairTrainingTests
{
    [Fact]
    public void The_corpus_gives_the_merges_and_numbers_that_the_reference_learnt()
    {
        // The reference was given the text line by line.
        var training = new BytePairTraining();
        string text = File.ReadAllText(Repository.Data("corpus", "train.txt"));
        for (int from = 0; from < text.Length;)
        {
            int end = text.IndexOf('\n', from) is >= 0 and int at ? at + 1 : text.Length;
            training.Add(text[from..end]);
            from = end;
        }

        using var folder = new TemporaryFolder();
        Assert.Equal(741, PublishedTokenizer.Train(training, 1024, folder.Path));
        using JsonDocument ours = Read(folder["tokenizer.json"]), reference = Read(Repository.Data("tokenizer", "tokenizer.json"));
        Assert.Equal(Merges(reference), Merges(ours));
        Assert.Equal(Vocabulary(reference), Vocabulary(ours));
        Assert.Equal(Added(reference), Added(ours));
    }

    [Fact]
    public void Whole_text_gives_the_merges_and_tokens_of_another_program()
    {
        // learnt.json: the merges that tokenizers' BpeTrainer learnt from the whole text, and its tokens of the strings in cases.json.
        var training = new BytePairTraining();
        training.Add(File.ReadAllText(Repository.Data("corpus", "train.txt")));
        using var folder = new TemporaryFolder();
        PublishedTokenizer.Train(training, 1024, folder.Path);
        using JsonDocument ours = Read(folder["tokenizer.json"]), learnt = Read(Repository.Data("tokenizer", "learnt.json")), cases = Read(Repository.Data("tokenizer", "cases.json"));
        Assert.Equal(learnt.RootElement.GetProperty("merges").EnumerateArray().Select(merge => merge.GetString()), Merges(ours));
        ModelTokenizer tokenizer = ModelTokenizer.Load(folder.Path);
        JsonElement.ArrayEnumerator ids = learnt.RootElement.GetProperty("ids").EnumerateArray();
        JsonElement[] texts = [.. cases.RootElement.EnumerateArray()];
        Assert.Equal(80, texts.Length);
        foreach ((JsonElement text, JsonElement expected) in texts.Zip(ids))
            Assert.Equal(expected.EnumerateArray().Select(id => id.GetInt32()), tokenizer.Encode(text.GetProperty("text").GetString()!));
    }

    [Fact]
    public void A_learnt_tokenizer_reads_back_what_it_wrote()
    {
        var training = new BytePairTraining();
        training.Add(File.ReadAllText(Repository.Data("corpus", "val.txt")));
        using var folder = new TemporaryFolder();
        PublishedTokenizer.Train(training, 600, folder.Path);
        ModelTokenizer tokenizer = ModelTokenizer.Load(folder.Path);
        Assert.Equal(600, tokenizer.Count);
        Assert.Equal(0, tokenizer.BeginOfSequence);
        Assert.Equal(1, tokenizer.EndOfSequence);
        const string Text = "In the beginning 12345 tabs\t\tand 汉字, émigré 🙂\n\n\nend";
        int[] tokens = tokenizer.Encode(Text);
        Assert.Equal(Text, tokenizer.Decode(tokens));
        Assert.Equal([tokenizer.IdOf("<｜User｜>")!.Value], tokenizer.Encode("<｜User｜>"));
    }

    [Fact]
    public void Too_little_text_for_the_size_is_refused()
    {
        var training = new BytePairTraining();
        training.Add("abc abc");
        using var folder = new TemporaryFolder();
        Assert.Contains("The text has enough repetition for", Assert.Throws<SinterException>(() => PublishedTokenizer.Train(training, 1024, folder.Path)).Message);
        Assert.Empty(Directory.GetFiles(folder.Path));
        Assert.Contains("283 tokens at least", Assert.Throws<SinterException>(() => PublishedTokenizer.Train(training, 100, folder.Path)).Message);
    }

    private static JsonDocument Read(string path) => JsonDocument.Parse(File.ReadAllText(path));

    private static string[] Merges(JsonDocument file) => [.. file.RootElement.GetProperty("model").GetProperty("merges").EnumerateArray().Select(merge => merge.ToString())];

    private static string[] Vocabulary(JsonDocument file) => [.. file.RootElement.GetProperty("model").GetProperty("vocab").EnumerateObject().Select(entry => $"{entry.Value} {entry.Name}").Order()];

    private static string[] Added(JsonDocument file) => [.. file.RootElement.GetProperty("added_tokens").EnumerateArray().Select(token => $"{token.GetProperty("id")} {token.GetProperty("content")} {token.GetProperty("special")}")];
}
