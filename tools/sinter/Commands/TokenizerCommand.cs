using System;
using System.CommandLine;
using System.Threading;
using System.Threading.Tasks;
using Sinter.Command.Loading;
using Sinter.Command.Terminal;
using Sinter.Runtime;
using Sinter.Runtime.Text;
using Sinter.Runtime.Training.Data;

namespace Sinter.Command.Commands;

/// <summary><c>sinter tokenizer</c>: learns a tokenizer from text.</summary>
internal sealed class TokenizerCommand : ExampledCommand
{
    private readonly Option<string> _data = new("--data") { HelpName = "DIR", Required = true, Description = "Text, JSON Lines and Parquet files, or one of them." };
    private readonly Option<int?> _size = SharedOptions.WholeNumber("--size", "N", 1, 1 << 24, "Tokens there are to be, the added ones among them (default: 1024).");
    private readonly Option<string> _out = new("--out") { HelpName = "DIR", Required = true, Description = "Where tokenizer.json and tokenizer_config.json are written." };
    private readonly Option<bool> _json = SharedOptions.Json();

    public TokenizerCommand() : base(
        "tokenizer",
        "Learns a tokenizer from text: byte-level BPE with DeepSeek-V3's patterns and added tokens.",
        "sinter tokenizer --data corpus --size 1024 --out tokenizer")
    {
        foreach (Option option in (Option[])[_data, _size, _out, _json]) Add(option);
        SetAction(Run);
    }

    private Task<int> Run(ParseResult parsed, CancellationToken cancellation)
    {
        Corpus corpus = Corpus.Open(parsed.GetRequiredValue(_data), DocumentFormats.All);
        string folder = parsed.GetRequiredValue(_out);
        int size = parsed.GetValue(_size) ?? 1024, merges;
        var training = new BytePairTraining();
        using (var work = new LongWork("reading the text"))
        {
            foreach (CorpusFile file in corpus.Files)
            {
                foreach (TextPiece piece in file.Format.Read(file.Path))
                {
                    cancellation.ThrowIfCancellationRequested();
                    training.Add(piece.Text);
                }
            }

            if (training.Words == 0) throw new SinterException($"{corpus.Path}: the corpus is empty: its {corpus.Files.Count} files hold no text.");
            work.Now("merging");
            merges = PublishedTokenizer.Train(training, size, folder);
        }

        if (parsed.GetValue(_json))
        {
            JsonOutput.Write(json =>
            {
                json.WriteString("folder", folder);
                json.WriteNumber("tokens", size);
                json.WriteNumber("merges", merges);
                json.WriteNumber("words", training.Words);
            });
        }
        else Console.WriteLine($"{size} tokens, {merges} of them merged from {training.Words} different words: {folder}");
        return Task.FromResult(ExitCode.Fine);
    }
}
