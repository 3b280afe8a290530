using System;
using System.IO;
using System.Text.Json;
using System.Threading.Tasks;
using Parquet;
using Parquet.Schema;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Command.Tests;

/// <summary><c>sinter eval</c> against values of other programs, and the files that text is read from.</summary>
public sealed class EvalCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sinter-eval").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_validation_losses_are_those_of_the_reference()
    {
        JsonElement expected = JsonDocument.Parse(File.ReadAllText(Repository.Data("tiny-trained", "text_golden.json"))).RootElement.GetProperty("val");
        JsonElement loss = await Eval(Repository.Data("corpus", "val.txt"), "--length", "256", "--rows", "16");
        double nats = expected.GetProperty("nats_per_token_main").GetDouble();

        // Two evaluations of the reference in float32 differ by 3e-8; our sums of 4096 losses are as good.
        Assert.Equal(nats, loss.GetProperty("loss").GetDouble(), 1e-6);
        Assert.Equal(expected.GetProperty("nats_per_token_mtp").GetDouble(), loss.GetProperty("mtp_loss").GetDouble(), 1e-6);
        Assert.Equal(expected.GetProperty("mtp_argmax_equals_next_main_argmax").GetDouble(), loss.GetProperty("mtp_acceptance").GetDouble(), 1e-6);
        Assert.Equal(16 * 256, loss.GetProperty("tokens").GetInt64());

        // The reference gives the bytes a token of the whole file; these rows have their own.
        double bits = nats / Math.Log(2) / expected.GetProperty("bytes_per_token").GetDouble();
        Assert.InRange(loss.GetProperty("bits_per_byte").GetDouble(), 0.95 * bits, 1.05 * bits);
    }

    [Fact]
    public async Task Text_is_the_same_in_Parquet_and_in_JSON_Lines()
    {
        string[] documents = ["In the beginning God created the heaven and the earth.", "And the earth was without form, and void;"];
        var field = new DataField<string>("text");
        await using (FileStream stream = File.Create(Path.Combine(_folder, "a.parquet")))
        {
            await using ParquetWriter writer = await ParquetWriter.CreateAsync(new ParquetSchema(field), stream);
            foreach (string document in documents)
            {
                using ParquetRowGroupWriter group = writer.CreateRowGroup();
                await group.WriteAsync(field, (string[])[document]);
                group.CompleteValidate();
            }
        }

        File.WriteAllLines(Path.Combine(_folder, "a.jsonl"), [$"{{\"text\": \"{documents[0]}\"}}", $"{{\"text\": \"{documents[1]}\"}}"]);
        JsonElement parquet = await Eval(Path.Combine(_folder, "a.parquet")), lines = await Eval(Path.Combine(_folder, "a.jsonl"));
        Assert.Equal(lines.GetProperty("loss").GetDouble(), parquet.GetProperty("loss").GetDouble());
        Assert.Equal(2, parquet.GetProperty("rows").GetInt32());
    }

    [Fact]
    public async Task Files_that_hold_no_text_are_refused()
    {
        File.WriteAllText(Path.Combine(_folder, "bad.parquet"), "PAR1 is not enough");
        (await SinterProcess.Run("eval", Repository.TinyTrained, "--data", Path.Combine(_folder, "bad.parquet"))).IsRefusal("bad.parquet: the file cannot be read as Parquet");
        File.WriteAllText(Path.Combine(_folder, "empty.txt"), "");
        (await SinterProcess.Run("eval", Repository.TinyTrained, "--data", Path.Combine(_folder, "empty.txt"))).IsRefusal("there is too little text");
        File.WriteAllText(Path.Combine(_folder, "a.pdf"), "x");
        (await SinterProcess.Run("eval", Repository.TinyTrained, "--data", Path.Combine(_folder, "a.pdf"))).IsRefusal("files of this kind cannot be read", ".parquet");
        (await SinterProcess.Run("report", _folder)).IsRefusal("metrics.jsonl: there is no such file");
    }

    [Fact]
    public async Task A_learnt_tokenizer_can_be_used()
    {
        string text = Repository.Data("corpus", "val.txt");
        (await SinterProcess.Run("tokenizer", "--data", text, "--size", "500", "--out", _folder)).IsFine();
        Assert.True(File.Exists(Path.Combine(_folder, "tokenizer.json")));
        (await SinterProcess.Run("tokenizer", "--data", text, "--size", "10", "--out", _folder)).IsRefusal("283 tokens at least");
    }

    private static async Task<JsonElement> Eval(string data, params string[] options) =>
        JsonDocument.Parse((await SinterProcess.Run(["eval", Repository.TinyTrained, "--data", data, "--json", .. options])).IsFine()).RootElement;
}
