using System.IO;
using System.Linq;
using System.Text.Json;
using System.Threading.Tasks;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Command.Tests;

/// <summary>What the command says of devices, whether or not this machine has one.</summary>
public sealed class DeviceTests
{
    [Fact]
    public async Task Devices_are_listed_or_it_says_why_there_are_none()
    {
        string text = (await SinterProcess.Run("devices")).IsFine();
        Assert.StartsWith("cpu ", text);
        Assert.Contains("\nopencl ", text);
        Assert.Contains("\ncuda ", text);
        using JsonDocument json = JsonDocument.Parse((await SinterProcess.Run("devices", "--json")).IsFine());
        foreach (string kind in (string[])["opencl", "cuda"])
        {
            bool isThere = json.RootElement.GetProperty("devices").EnumerateArray().Any(device => device.GetProperty("device").GetString() == kind);
            Assert.NotEqual(isThere, json.RootElement.GetProperty("unusable").TryGetProperty(kind, out JsonElement why));
            if (!isThere) Assert.Contains($"{kind,-6}  none: {why.GetString()}", text);
        }
    }

    [Theory]
    [InlineData("opencl", "OpenCL")]
    [InlineData("cuda", "CUDA")]
    public async Task A_device_that_is_not_there_is_refused_before_anything_is_loaded(string device, string title)
    {
        using JsonDocument json = JsonDocument.Parse((await SinterProcess.Run("devices", "--json")).IsFine());
        if (!json.RootElement.GetProperty("unusable").TryGetProperty(device, out JsonElement why))
        {
            (await SinterProcess.Run("run", Repository.TinyTrained, "In", "--max-tokens", "1", "--device", device)).IsFine();
            return;
        }

        string file = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        (await SinterProcess.Run("run", Repository.TinyTrained, "In", "--device", device)).IsRefusal($"There is no {title} device: {why.GetString()}");
        (await SinterProcess.Run("bench", Repository.TinyTrained, "--device", device)).IsRefusal($"There is no {title} device: ");
        (await SinterProcess.Run("trace", Repository.TinyTrained, "--tokens", "1", "--out", file, "--device", device)).IsRefusal($"There is no {title} device: ");
        Assert.False(File.Exists(file));
    }

    [Fact]
    public async Task Auto_says_what_it_took()
    {
        Outcome outcome = await SinterProcess.Run("run", Repository.TinyTrained, "And the LORD spake unto Moses, saying,", "--max-tokens", "4", "--device", "auto");
        Assert.Contains("What shall I", outcome.IsFine());
        Assert.StartsWith("device: ", outcome.Error);
    }

    [Fact]
    public async Task The_roofline_is_of_the_processor() =>
        (await SinterProcess.Run("bench", Repository.TinyTrained, "--roofline", "--device", "auto")).IsRefusal("--roofline measures this machine's processor: leave --device out.");
}
