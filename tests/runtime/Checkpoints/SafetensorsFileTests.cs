using System;
using System.Buffers.Binary;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.Json;
using Sinter.Runtime.Checkpoints;
using Xunit;

namespace Sinter.Runtime.Tests.Checkpoints;

public sealed class SafetensorsFileTests : IDisposable
{
    private const string Good = """{"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"b":{"dtype":"I32","shape":[],"data_offsets":[16,20]}}""";

    private readonly TemporaryFolder _folder = new();

    private string FilePath => _folder["model.safetensors"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Reads_tensors_and_metadata()
    {
        byte[] data = [.. new float[] { 1, -2, 3.5f, 4 }.SelectMany(BitConverter.GetBytes), .. BitConverter.GetBytes(7)];
        Write("""{"__metadata__":{"format":"pt"},""" + Good[1..] + "  ", data);
        using SafetensorsFile file = SafetensorsFile.Open(FilePath);
        Assert.Equal("pt", file.Metadata["format"]);
        Assert.Equal([1, -2, 3.5f, 4], file["a"].ToSingles());
        Assert.Equal([2, 2], file["a"].Shape);
        Assert.Equal([7], file["b"].ToInt32s());
        Assert.Empty(file["b"].Shape);
    }

    [Fact]
    public void Rejects_a_missing_file() => Rejects("there is no such file.");

    [Fact]
    public void Rejects_an_empty_file()
    {
        File.WriteAllBytes(FilePath, []);
        Rejects("the file is empty, so it is no safetensors file.");
    }

    [Fact]
    public void Rejects_a_file_of_less_than_eight_bytes()
    {
        File.WriteAllBytes(FilePath, [1, 0, 0]);
        Rejects("the file has only 3 bytes, but a safetensors file begins with 8 that give the length of its header.");
    }

    [Fact]
    public void Rejects_a_header_that_runs_past_the_end()
    {
        File.WriteAllBytes(FilePath, [100, 0, 0, 0, 0, 0, 0, 0, (byte)'{', (byte)'}']);
        Rejects("the header claims 100 bytes, but only 2 follow: the file is truncated or no safetensors file.");
    }

    [Fact]
    public void Rejects_a_header_length_of_all_ones()
    {
        File.WriteAllBytes(FilePath, [255, 255, 255, 255, 255, 255, 255, 255, (byte)'{', (byte)'}']);
        Rejects("the header claims 18446744073709551615 bytes, but only 2 follow: the file is truncated or no safetensors file.");
    }

    [Fact]
    public void Rejects_a_header_longer_than_the_format_allows()
    {
        using (var stream = new FileStream(FilePath, FileMode.Create))
        {
            stream.Write(BitConverter.GetBytes(100_000_001L));
            stream.SetLength(100_000_100); // sparse
        }

        Rejects("the header claims 100000001 bytes, more than the 100000000 that the format allows.");
    }

    [Theory]
    [InlineData("""{"a":""", "the header is not JSON (from its byte 5 on).")]
    [InlineData("""nonsense""", "the header is not JSON (from its byte 0 on).")]
    [InlineData("""[]""", "the header is not a JSON object.")]
    [InlineData("""{"a":3}""", "tensor 'a' is not described by a JSON object.")]
    [InlineData("""{"__metadata__":{"x":1}}""", "__metadata__ entry 'x' is not a string.")]
    [InlineData("""{"a":{"dtype":"F32","data_offsets":[0,4]}}""", "tensor 'a' has no shape.")]
    [InlineData("""{"a":{"shape":[1],"data_offsets":[0,4]}}""", "tensor 'a' has no dtype.")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1]}}""", "tensor 'a' has no data_offsets.")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"sparse":true}}""", "tensor 'a' has a 'sparse' that is not understood.")]
    [InlineData("""{"a":{"dtype":"F4","shape":[1],"data_offsets":[0,4]}}""",
        "tensor 'a' has the unknown dtype 'F4' (known are F64, F32, BF16, F16, F8_E4M3, F8_E5M2, F8_E8M0, I64, I32, I16, I8, U64, U32, U16, U8, BOOL).")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", "the shape of tensor 'a' is not a list of whole numbers from zero up.")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", "the shape of tensor 'a' is not a list of whole numbers from zero up.")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4294967296],"data_offsets":[0,4]}}""", "the shape of tensor 'a' has the side 4294967296, more than 2147483647.")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2000000000,2000000000,2000000000,2000000000],"data_offsets":[0,4]}}""",
        "the shape [2000000000, 2000000000, 2000000000, 2000000000] of tensor 'a' is larger than any file.")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", "the data_offsets of tensor 'a' are not a begin and an end.")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}""", "the data_offsets of tensor 'a' are not a begin and an end.")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,4]}}""", "tensor 'a' of shape [3] and dtype F32 takes 12 bytes, but its offsets span 4.")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}""",
        "tensor 'a' ends at byte 12 of the data, but the file holds only 4: it is truncated or its header lies.")]
    [InlineData("""{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}""",
        "tensor 'b' begins at byte 2 of the data, inside tensor 'a', which ends at 3.")]
    [InlineData("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}""",
        "1 bytes of the data before tensor 'b' belong to no tensor.")]
    [InlineData("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", "the last 3 bytes belong to no tensor.")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", "tensor 'a' is listed twice.")]
    public void Rejects_a_header_that_lies(string header, string sentence)
    {
        Write(header, [0, 0, 0, 0]);
        Rejects(sentence);
    }

    [Fact]
    public void Shortens_names_that_are_not_fit_to_be_shown()
    {
        string name = "\u0007" + new string('x', 200);
        Write($$$"""{{{{JsonSerializer.Serialize(name)}}}:{"dtype":"F4"}}""", []);
        SinterException error = Assert.Throws<SinterException>(() => SafetensorsFile.Open(FilePath));
        Assert.Equal($"{FilePath}: tensor '?{new string('x', 119)}…' has no shape.", error.Message);
    }

    [Fact]
    public void A_mutated_file_opens_or_is_rejected_with_a_sentence_but_never_fails_otherwise()
    {
        byte[] data = new byte[20];
        var random = new Random(1);
        int rejected = 0;
        for (int round = 0; round < 2500; round++)
        {
            Write(Good, data);
            byte[] bytes = File.ReadAllBytes(FilePath);
            Mutate(ref bytes, random);
            File.WriteAllBytes(FilePath, bytes);
            try
            {
                using SafetensorsFile file = SafetensorsFile.Open(FilePath);
                foreach (StoredTensor tensor in file.Tensors.Values) _ = tensor.Bytes.ToArray();
            }
            catch (SinterException e)
            {
                Assert.StartsWith(FilePath + ": ", e.Message);
                Assert.DoesNotContain('\n', e.Message);
                rejected++;
            }
        }

        Assert.InRange(rejected, 1250, 2499);
    }

    private static void Mutate(ref byte[] bytes, Random random)
    {
        switch (random.Next(5))
        {
            case 0:
                bytes = bytes[..random.Next(bytes.Length)];
                break;
            case 1:
                bytes = [.. bytes, .. new byte[random.Next(1, 9)]];
                break;
            case 2:
                BinaryPrimitives.WriteInt64LittleEndian(bytes, random.NextInt64() >> random.Next(64));
                break;
            case 3:
                int from = random.Next(bytes.Length), to = random.Next(from, bytes.Length);
                bytes = [.. bytes[..from], .. bytes[to..]];
                break;
            default:
                ReadOnlySpan<byte> alphabet = "0123456789{}[]\",:-.eaF\\u\0\xff"u8;
                for (int i = random.Next(1, 4); i > 0; i--) bytes[random.Next(8, bytes.Length)] = alphabet[random.Next(alphabet.Length)];
                break;
        }
    }

    private void Write(string header, byte[] data)
    {
        byte[] json = Encoding.UTF8.GetBytes(header);
        File.WriteAllBytes(FilePath, [.. BitConverter.GetBytes((long)json.Length), .. json, .. data]);
    }

    private void Rejects(string sentence)
    {
        SinterException error = Assert.Throws<SinterException>(() => SafetensorsFile.Open(FilePath));
        Assert.Equal($"{FilePath}: {sentence}", error.Message);
    }
}
