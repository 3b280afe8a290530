using System;
using System.CommandLine;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Sinter.Command.Loading;
using Sinter.Command.Measuring;
using Sinter.Command.Terminal;
using Sinter.Command.Training;
using Sinter.Compiler.Binding;
using Sinter.Runtime;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Text;
using Sinter.Runtime.Training.Data;
using Sinter.Runtime.Training.Ranks;
using Sinter.Runtime.Training.Runs;
using Sinter.Runtime.Training.Schedules;

namespace Sinter.Command.Commands;

/// <summary><c>sinter train</c>: trains a model by the recipe that its description states.</summary>
internal sealed class TrainCommand : ExampledCommand
{
    /// <summary>How long the other ranks wait for the first to say what they all met.</summary>
    private static readonly TimeSpan s_precedence = TimeSpan.FromSeconds(3);

    private readonly Argument<string> _file = SharedOptions.ModelFile();
    private readonly Option<string> _data = new("--data") { HelpName = "DIR", Required = true, Description = "Text, JSON Lines and Parquet files to train on; each folder in it is a domain." };
    private readonly Option<string> _out = new("--out") { HelpName = "DIR", Required = true, Description = "The run's folder: checkpoints, metrics, tokens." };
    private readonly Option<string?> _tokenizer = new("--tokenizer") { HelpName = "DIR", Description = "Folder with tokenizer.json (default: the data's, or the run's)." };
    private readonly Option<string?> _validate = new("--validate") { HelpName = "FILE", Description = "Text to validate on (default: the documents that the recipe holds out)." };
    private readonly Option<int?> _steps = SharedOptions.WholeNumber("--steps", "N", 1, int.MaxValue, "End after N steps of the whole run.");
    private readonly Option<double?> _tokens = SharedOptions.Number("--tokens", "N", 1, 1e15, "End after N tokens of the whole run.");
    private readonly Option<int?> _seed = SharedOptions.WholeNumber("--seed", "N", 0, int.MaxValue, "Of weights and data (default: 1).");
    private readonly Option<string?> _precision = SharedOptions.Precision();
    private readonly Option<string?> _stage = new("--stage") { HelpName = "NAME", Description = "Train this stage only." };
    private readonly Option<string[]> _set = new("--set") { HelpName = "KEY=VALUE", Description = "Another value for a line of the model or its recipe: hidden_size=128, rate=1e-3, pretrain.length=256." };
    private readonly Option<bool> _resume = new("--resume") { Description = "Go on from the newest checkpoint of the run." };
    private readonly Option<int?> _saveEvery = SharedOptions.WholeNumber("--save-every", "N", 1, int.MaxValue, "Steps between checkpoints (default: 500).");
    private readonly Option<int?> _keep = SharedOptions.WholeNumber("--keep", "N", 1, int.MaxValue, "Checkpoints to keep (default: 3).");
    private readonly Option<int?> _validateEvery = SharedOptions.WholeNumber("--validate-every", "N", 1, int.MaxValue, "Steps between validations (default: 50).");
    private readonly Option<int?> _validateRows = SharedOptions.WholeNumber("--validate-rows", "N", 0, 1 << 20, "Rows to validate on (default: 16; 0 for none).");
    private readonly Option<bool> _profile = new("--profile") { Description = "Tell in the end where the time of the steps' second half went: each kernel's share, GB/s and GFLOP/s." };
    private readonly Option<int?> _threads = SharedOptions.Threads();

    public TrainCommand() : base(
        "train",
        "Trains a model from scratch by the recipe of its train section, and writes checkpoints in the published layout.",
        "sinter train models/tiny_trained.sinter --data tests/data/corpus/train.txt --validate tests/data/corpus/val.txt --tokenizer models/tiny-trained --out run",
        "sinter train model.sinter --data corpus --out run --resume",
        "sinter train model.sinter --data corpus --out run --steps 1000 --set \"rate=0 to 1e-3 over 100 steps, then 1e-3\" --set batch=16",
        "mpirun -n 2 sinter train model.sinter --data corpus --out run")
    {
        Add(_file);
        foreach (Option option in (Option[])[_data, _out, _tokenizer, _validate, _steps, _tokens, _seed, _precision, _stage, _set, _resume, _saveEvery, _keep, _validateEvery, _validateRows, _profile, _threads]) Add(option);
        SetAction(Run);
    }

    private Task<int> Run(ParseResult parsed, CancellationToken cancellation)
    {
        ICommunicator ranks = OpenMpi.Open();
        try
        {
            Train(parsed, ranks, cancellation);
            (ranks as OpenMpi)?.Finish();
        }
        catch (Exception fault) when (ranks.Rank > 0 && fault is not OperationCanceledException)
        {
            // The first rank meets most faults too and says so; mpirun then ends this process before it says the same.
            Thread.Sleep(s_precedence);
            throw fault is SinterException ? new SinterException($"rank {ranks.Rank}: {fault.Message}", fault) : fault;
        }

        return Task.FromResult(ExitCode.Fine);
    }

    private void Train(ParseResult parsed, ICommunicator ranks, CancellationToken cancellation)
    {
        string data = parsed.GetRequiredValue(_data), folder = parsed.GetRequiredValue(_out);
        string[] lines = parsed.GetValue(_set) ?? [];
        ModelSource source = ModelSource.FromFile(parsed.GetRequiredValue(_file));
        BoundModel model = source.OnlyModel(lines);
        TrainingRecipe recipe = Choose(RecipeReader.Read(model), parsed);
        string tokenizerFolder = TokenizerFolder(parsed.GetValue(_tokenizer), data, folder);
        ModelTokenizer tokenizer = ModelTokenizer.Load(tokenizerFolder);
        int vocabulary = model.Settings.FirstOrDefault(setting => setting.Name == "vocab_size")?.Value is NumberValue size ? (int)size.Value : tokenizer.Count;

        Directory.CreateDirectory(folder);
        using TokenStore store = ranks.InTurn(() => Tokens(Path.Combine(folder, "data"), data, tokenizer, tokenizerFolder, vocabulary, cancellation));
        using TokenStore? validation = parsed.GetValue(_validate) is { } text
            ? ranks.InTurn(() => Tokens(Path.Combine(folder, "validation"), text, tokenizer, tokenizerFolder, vocabulary, cancellation))
            : null;
        var options = new RunOptions
        {
            Folder = folder,
            Seed = (ulong)(parsed.GetValue(_seed) ?? 1),
            Steps = parsed.GetValue(_steps),
            Tokens = (long?)parsed.GetValue(_tokens),
            SaveEvery = parsed.GetValue(_saveEvery) ?? 500,
            Keep = parsed.GetValue(_keep) ?? 3,
            ValidateEvery = parsed.GetValue(_validateEvery) ?? 50,
            ValidationRows = parsed.GetValue(_validateRows) ?? 16,
            TokenizerFolder = tokenizerFolder,
            Resume = parsed.GetValue(_resume),
            Ranks = ranks,
        };
        TrainingProfile? profile = parsed.GetValue(_profile) ? new TrainingProfile() : null;
        var models = new StageModels(source, lines, recipe, parsed.GetValue(_threads) ?? (ranks.Size > 1 ? Threads() : null), ranks, profile);
        using var run = new TrainingRun(recipe, options, models.Open, store, validation, DocumentMarks.Of(tokenizer), new ProgressLines(profile));
        run.Train(cancellation);
        if (ranks.Rank == 0) profile?.Write();
    }

    /// <summary>The cores that mpirun left this process, and no more than its part of the machine: a team that spins must not wait for another's.</summary>
    private static int Threads() => Math.Max(1, Math.Min(ThreadTeam.DefaultCount, ThreadTeam.Cores / OpenMpi.ProcessesHere));

    private TrainingRecipe Choose(TrainingRecipe recipe, ParseResult parsed)
    {
        if (parsed.GetValue(_precision) is { } precision) recipe = recipe with { Precision = RecipeReader.PrecisionOf(precision) };
        if (parsed.GetValue(_stage) is not { } name) return recipe;
        TrainingStage[] stages = [.. recipe.Stages.Where(stage => stage.Name == name)];
        return stages.Length > 0 ? recipe with { Stages = stages } : throw new SinterException($"There is no stage '{name}'; there are {string.Join(", ", recipe.Stages.Select(stage => stage.Name))}.");
    }

    private static string TokenizerFolder(string? given, string data, string run)
    {
        string[] places = given is not null ? [given] : [data, run];
        return places.FirstOrDefault(place => File.Exists(Path.Combine(place, "tokenizer.json")))
            ?? throw new SinterException($"{places[0]}: there is no tokenizer.json; give its folder with --tokenizer, or make one with 'sinter tokenizer'.");
    }

    private static TokenStore Tokens(string folder, string path, ModelTokenizer tokenizer, string tokenizerFolder, int vocabulary, CancellationToken cancellation)
    {
        Corpus corpus = Corpus.Open(path, DocumentFormats.All);
        using var work = new LongWork($"tokenizing {path}");
        return TokenStoreBuilder.Open(folder, corpus, tokenizer, Path.Combine(tokenizerFolder, "tokenizer.json"), vocabulary, file => work.Now($"tokenizing {file}"), cancellation);
    }
}
