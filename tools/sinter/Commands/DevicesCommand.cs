using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using System.Runtime.CompilerServices;
using Sinter.Command.Loading;
using Sinter.Command.Terminal;
using Sinter.Devices;
using Sinter.Runtime.Execution;

namespace Sinter.Command.Commands;

/// <summary><c>sinter devices</c>: what <c>--device</c> can take here, and why it cannot take the rest.</summary>
internal sealed class DevicesCommand : ExampledCommand
{
    private readonly Option<bool> _json = SharedOptions.Json();

    public DevicesCommand() : base(
        "devices",
        "Lists what models can run on here, and why something cannot be used.",
        "sinter devices",
        "sinter devices --json")
    {
        Add(_json);
        SetAction(Run);
    }

    private int Run(ParseResult parsed)
    {
        if (!RuntimeFeature.IsDynamicCodeSupported) throw NativeCommand.Cannot("look for devices");
        DeviceReport[] reports = [Device.Find(DeviceKind.OpenCL), Device.Find(DeviceKind.Cuda)];
        if (parsed.GetValue(_json)) WriteJson(reports);
        else WriteText(reports);
        return ExitCode.Fine;
    }

    private static string Option(DeviceKind kind) => kind == DeviceKind.Cuda ? "cuda" : "opencl";

    private static void WriteText(IReadOnlyList<DeviceReport> reports)
    {
        Console.WriteLine($"cpu     this machine's processor, {ThreadTeam.DefaultCount} threads");
        foreach (DeviceReport report in reports)
        {
            foreach (FoundDevice device in report.Devices)
                Console.WriteLine($"{Option(report.Kind),-6}  {device.Name}, {Quantity.Bytes(device.MemoryBytes)}{(device.IsProcessor ? ", the processor as a device: for tests" : "")}");
            if (report.Trouble is { } trouble) Console.WriteLine($"{Option(report.Kind),-6}  none: {trouble}");
        }
    }

    private static void WriteJson(IReadOnlyList<DeviceReport> reports) => JsonOutput.Write(json =>
    {
        json.WriteStartArray("devices");
        foreach ((DeviceReport report, FoundDevice device) in reports.SelectMany(report => report.Devices.Select(device => (report, device))))
        {
            json.WriteStartObject();
            json.WriteString("device", Option(report.Kind));
            json.WriteString("name", device.Name);
            json.WriteNumber("memory_bytes", device.MemoryBytes);
            json.WriteBoolean("is_processor", device.IsProcessor);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartObject("unusable");
        foreach (DeviceReport report in reports.Where(report => report.Trouble is not null)) json.WriteString(Option(report.Kind), report.Trouble);
        json.WriteEndObject();
    });
}
